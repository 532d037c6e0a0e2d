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

// publications are the folders that are there to be read. One that has been
// moved away is somebody else's to check.
func (s *System) publications() ([]string, error) {
	folders, err := s.Publications()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(folders, func(folder string) bool {
		info, err := os.Stat(folder)
		return err != nil || !info.IsDir()
	}), nil
}

// Publications are all the folders that this ledger has been published to. A
// list that cannot be read is a *ledger.DamageError: it says what to verify.
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
	data, err := json.MarshalIndent(append(folders, folder), "", "  ")
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(s.Dir, publicationsFile), 0o600, append(data, '\n'))
}
