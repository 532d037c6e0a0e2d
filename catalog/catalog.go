// Package catalog holds SCAF's content, as opposed to its code: the control
// files that come with the product. A company adds to them or overrides them
// by id with files of its own.
package catalog

import (
	"embed"
	"io/fs"
)

//go:embed controls/*.yaml
var files embed.FS

// Controls are the control files, at the root of the file system.
func Controls() fs.FS {
	sub, err := fs.Sub(files, "controls")
	if err != nil { // the path is a constant, and valid
		panic(err)
	}
	return sub
}
