package surface

import (
	"context"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/systems"
)

// InstallSystems proposes the catalog's systems (systems.Install).
func (s *System) InstallSystems(ctx context.Context, caller act.Caller) ([]string, error) {
	return systems.Install(ctx, s.Door, caller)
}
