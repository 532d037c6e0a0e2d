package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/surface"
)

func (p *program) meetingCommand() *cobra.Command {
	return noun("meeting", "Prepare the meetings by which security is governed", p.meetingPrepare())
}

func (p *program) meetingPrepare() *cobra.Command {
	return &cobra.Command{
		Use:   "prepare MEETING",
		Short: "Make the agenda of a planned meeting of what changed since the one before",
		Long: `Make the agenda of a planned meeting, such as MTG-7: open actions, findings that are
new or overdue, controls that read otherwise, new deviations, duties that are late
and what becomes a deviation soon, since the meeting of the same series that was
held last. scaf serve does so in the night before. It can be run again until the
meeting is held.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				m, err := s.PrepareMeeting(cmd.Context(), caller(), given[0])
				if err != nil {
					return refused(err)
				}
				zone, err := s.Config.Location()
				if err != nil {
					return err
				}
				return p.print(m, func(w io.Writer) {
					printf(w, "%s %s: since %s, at %d events\n", m.ID, m.Title, m.AgendaSince.In(zone).Format(time.DateOnly), *m.AgendaSize)
					topic := ""
					for _, one := range m.Agenda {
						if one.Topic != topic {
							printf(w, "\n%s\n", one.Topic)
						}
						topic = one.Topic
						line := one.Text
						if one.Owner != "" {
							line += ", " + one.Owner
						}
						wrapped(w, "  - ", line+" "+one.Ref)
					}
				})
			})
		},
	}
}
