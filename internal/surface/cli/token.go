package cli

import (
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/access"
)

func (p *program) tokenCommand() *cobra.Command {
	return noun("token", "Make and revoke tokens for programs", p.tokenCreate(), p.tokenRevoke())
}

func (p *program) tokenCreate() *cobra.Command {
	var role, name string
	var days int
	command := &cobra.Command{
		Use:   "create --role ROLE",
		Short: "Make a token; it is shown this once",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if role == "" {
				return usagef("scaf token create needs --role: one of %s", list(access.Roles.Names()))
			}
			if !access.Roles.Grantable(role) {
				return usagef("%w %q: one of %s", access.ErrRole, role, list(access.Roles.Names()))
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				token, kept, err := access.CreateToken(cmd.Context(), s.Door, caller(), role, name, time.Duration(days)*24*time.Hour)
				if err != nil {
					return err
				}
				result := map[string]any{"token": token, "id": kept.ID, "role": role, "expires_at": kept.ExpiresAt}
				return p.print(result, func(w io.Writer) {
					printf(w, "%s\n", token)
					printf(p.Err, "Role %s, valid until %s. It is not shown again.\n", role, kept.ExpiresAt.Format(time.DateOnly))
				})
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&role, "role", "", "role of the token's holder")
	flags.StringVar(&name, "name", "", "what the token is for")
	flags.IntVar(&days, "days", int(access.DefaultLifetime/(24*time.Hour)), "days until it expires")
	return command
}

func (p *program) tokenRevoke() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "End a token at once",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				return access.RevokeToken(cmd.Context(), s.Door, caller(), given[0])
			})
		},
	}
}

func list(names []string) string { return strings.Join(names, ", ") }
