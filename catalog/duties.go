package catalog

import (
	"embed"
	"io/fs"
)

//go:embed duties/*.yaml
var duties embed.FS

// Duties are the files of the duties of the year, at the root of the file
// system.
func Duties() fs.FS {
	sub, err := fs.Sub(duties, "duties")
	if err != nil { // the path is a constant, and valid
		panic(err)
	}
	return sub
}
