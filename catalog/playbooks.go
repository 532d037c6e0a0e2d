package catalog

import (
	"embed"
	"path"
)

//go:embed playbooks/*.yaml
var playbooks embed.FS

// Playbooks are the files of the playbooks of incidents, by their names; package
// exercises reads them.
func Playbooks() map[string][]byte {
	names, err := playbooks.ReadDir("playbooks")
	all := map[string][]byte{}
	for _, name := range names {
		var text []byte
		if text, err = playbooks.ReadFile(path.Join("playbooks", name.Name())); err != nil {
			break
		}
		all[name.Name()] = text
	}
	if err != nil { // they are part of the program
		panic(err)
	}
	return all
}
