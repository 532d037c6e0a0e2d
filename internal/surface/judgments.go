package surface

import (
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/versions"
)

// VersionDesk is where versions of controls are proposed, approved and
// assessed.
func (s *System) VersionDesk() *versions.Desk {
	return &versions.Desk{Door: s.Door, Blobs: s.Blobs, Kinds: s.Kinds}
}

// Catalog are the controls that come with the program.
func (s *System) Catalog() ([]*controls.Control, error) { return s.catalogue() }
