package cli

import (
	"context"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/surface"
)

// behalf gives a command the flag --as, for what two people have to do, and
// returns who acts by it.
func behalf(command *cobra.Command) func(context.Context, *surface.System) (act.Caller, error) {
	person := command.Flags().String("as", "", "the person for whom you enter this, like person/E1001; both are recorded")
	return func(ctx context.Context, s *surface.System) (act.Caller, error) {
		return s.OnBehalf(ctx, caller(), *person)
	}
}
