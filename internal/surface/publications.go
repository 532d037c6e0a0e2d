package surface

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"scaf.dev/scaf/internal/platform/durable"
)

// publicationsFile lists the folders to which this ledger has been published,
// so that verification reads them too.
const publicationsFile = "publications.json"

// publications are the folders that are there to be read. One that has been
// moved away is somebody else's to check.
func (s *System) publications() []string {
	var present []string
	for _, folder := range s.Publications() {
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			present = append(present, folder)
		}
	}
	return present
}

// Publications are all the folders that this ledger has been published to.
func (s *System) Publications() []string {
	data, err := os.ReadFile(filepath.Join(s.Dir, publicationsFile))
	if err != nil {
		return nil
	}
	var folders []string
	if json.Unmarshal(data, &folders) != nil {
		return nil
	}
	return folders
}

// AddPublication remembers a folder.
func (s *System) AddPublication(folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	folders := s.Publications()
	if slices.Contains(folders, folder) {
		return nil
	}
	data, err := json.MarshalIndent(append(folders, folder), "", "  ")
	if err != nil {
		return err
	}
	return durable.Replace(filepath.Join(s.Dir, publicationsFile), 0o600, append(data, '\n'))
}
