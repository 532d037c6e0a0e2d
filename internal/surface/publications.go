package surface

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"scaf.dev/scaf/internal/platform/durable"
	"scaf.dev/scaf/internal/trust/ledger"
)

// publicationsFile lists the folders to which this ledger has been published,
// so that verification reads them too.
const publicationsFile = "publications.json"

// Publications are all the folders that this ledger has been published to and
// that verification compares with it, until ForgetPublication. A list that cannot be read is a *ledger.DamageError: it says what to verify.
func (s *System) Publications() ([]string, error) {
	path := filepath.Join(s.Dir, publicationsFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var folders []string
	if err := json.Unmarshal(data, &folders); err != nil {
		return nil, &ledger.DamageError{Index: -1, What: fmt.Sprintf("the list of publications %s cannot be read: %v", path, err)}
	}
	return folders, nil
}

// AddPublication remembers a folder.
func (s *System) AddPublication(folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	folders, err := s.Publications()
	if err != nil {
		return err
	}
	if slices.Contains(folders, folder) {
		return nil
	}
	return s.writePublications(append(folders, folder))
}

// ErrNotPublished says: the ledger has not been published to this folder.
var ErrNotPublished = errors.New("the ledger is not published there")

// ForgetPublication takes a folder off the list: it is kept no longer, or is
// somebody else's to check. What lies in it stays as it is.
func (s *System) ForgetPublication(folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	folders, err := s.Publications()
	if err != nil {
		return err
	}
	at := slices.Index(folders, folder)
	if at < 0 {
		return fmt.Errorf("%w: %s", ErrNotPublished, folder)
	}
	return s.writePublications(slices.Delete(folders, at, at+1))
}

func (s *System) writePublications(folders []string) error {
	data, err := json.MarshalIndent(folders, "", "  ")
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(s.Dir, publicationsFile), 0o600, append(data, '\n'))
}
