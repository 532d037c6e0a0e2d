// Package vocabulary says what fields of registers name that are no records of their own:
// the ids of controls.
package vocabulary

import (
	"io/fs"
	"strings"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// A control's first version is the record of this kind with this after the control's id: C-1.1.
const (
	kindVersion  = "control_version"
	firstVersion = ".1"
)

// Controls is what fields name that hold ids of controls: those of the catalog, adopted
// or not, and the organisation's own from their first version on.
var Controls = &record.Names{
	What: "control", Like: "write its id as the page of controls has it, such as ACC-01; one of your own is proposed before",
	Missing: func(r *store.Reader, texts []string) (missing []string, err error) {
		var own []string
		for _, id := range texts {
			if _, err := fs.Stat(catalog.Controls(), id+".yaml"); err != nil {
				own = append(own, id+firstVersion)
			}
		}
		there, err := record.Current(r, kindVersion, own)
		for _, id := range own {
			if there[id] == nil {
				missing = append(missing, strings.TrimSuffix(id, firstVersion))
			}
		}
		return missing, err
	},
}
