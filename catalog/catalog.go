// Package catalog holds SCAF's content, as opposed to its code: the control
// files that come with the product, the criteria that they answer, and the
// narrative's own mapping. A company adds to the controls or overrides them by
// id with files of its own.
package catalog

import (
	"embed"
	"io/fs"
)

//go:embed controls/*.yaml
var files embed.FS

// Names of the files below, for error messages.
const (
	CriteriaFile  = "criteria.yaml"
	NarrativeFile = "narrative.yaml"
)

//go:embed criteria.yaml
var criteria string

//go:embed narrative.yaml
var narrative string

// Controls are the control files, at the root of the file system.
func Controls() fs.FS {
	sub, err := fs.Sub(files, "controls")
	if err != nil { // the path is a constant, and valid
		panic(err)
	}
	return sub
}

// Criteria is the list of the criteria, with titles; package criteria reads it.
func Criteria() []byte { return []byte(criteria) }

// Narrative is the mapping of the company's narrative; package criteria reads
// it.
func Narrative() []byte { return []byte(narrative) }
