package versions

import (
	"io/fs"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Controls is what fields name that hold ids of controls: those of the catalog, adopted
// or not, and the organisation's own from their first version on.
var Controls = &record.Names{
	What: "control", Like: "write its id as the page of controls has it, such as ACC-01; one of your own is proposed before",
	Missing: func(r *store.Reader, texts []string) (missing []string, err error) {
		var own []string
		for _, id := range texts {
			if _, err := fs.Stat(catalog.Controls(), id+".yaml"); err != nil {
				own = append(own, ID(id, 1))
			}
		}
		there, err := record.Current(r, Register.Name, own)
		for _, id := range own {
			if there[id] == nil {
				missing = append(missing, ControlOf(id))
			}
		}
		return missing, err
	},
}
