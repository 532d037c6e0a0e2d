package catalog

import _ "embed" // the list of causes

// CausesFile is the name of the list of causes, for error messages.
const CausesFile = "causes.yaml"

//go:embed causes.yaml
var causes string

// Causes is the list of root causes that a deviation can have; package
// judgments reads it.
func Causes() []byte { return []byte(causes) }
