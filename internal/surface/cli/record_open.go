package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/surface"
)

func (p *program) recordOpen() *cobra.Command {
	command := &cobra.Command{
		Use:   "open REGISTER ROUND [FIELD=VALUE...]",
		Short: "Open a round of a register: a record for each of what it is about",
		Long: `Open a round, a quarter such as 2026-Q1 or a year such as 2026, of a register that
has one record in it for each of what it is about: self_assessments (each control in
force), restore_trials, capacity_reviews and plan_practices (each plan in force), site_reviews (each
open site). Its owner has it to do, where that is one person who is there:
  scaf record open self_assessments 2026-Q1 reviewer=person/E1001
  scaf record open restore_trials 2026-Q1 store="The backup of the night"
  scaf record open plan_practices 2026 scenario="The region of the cloud is gone"
  scaf record open site_reviews 2026-Q1
The field of the owner (assessor, owner, reviewer of a site) says who does it where the
owner is nobody, several people, or cannot be; without it those are left and listed.
A restore trial restores what the one before of the same plan did. What is there stays
as it is; run again, the command opens what is missing. More than 1,000 records are
opened in several acts, of which those that were done stay when one fails.`,
		Args: args(2, -1),
	}
	who := behalf(command)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
			kind, err := s.Kinds.Find(given[0])
			if err != nil {
				return err
			}
			if kind.Opening == nil {
				var all []string
				for _, one := range s.Kinds {
					if one.Opening != nil {
						all = append(all, one.Register)
					}
				}
				return usagef("%s have no rounds that are opened at once: %s have", kind.Register, strings.Join(all, ", "))
			}
			fields, err := assignments(s, kind, given[2:])
			if err != nil {
				return err
			}
			by, err := who(cmd.Context(), s)
			if err != nil {
				return err
			}
			done, err := s.OpenRound(cmd.Context(), by, kind, given[1], fields)
			if err != nil {
				return refused(err)
			}
			return p.print(done, func(w io.Writer) {
				printf(w, "%s: %d opened, %d were there, %d left\n", done.Round, done.Opened, done.There, len(done.Left))
				for _, one := range done.Left {
					wrapped(w, "  "+one.About+"  ", one.Why)
				}
			})
		})
	}
	return command
}
