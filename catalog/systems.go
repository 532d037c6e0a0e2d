package catalog

import _ "embed"

//go:embed systems.yaml
var systems []byte

// Systems is the file of the systems that scaf system install offers; package
// systems reads it.
func Systems() []byte { return systems }
