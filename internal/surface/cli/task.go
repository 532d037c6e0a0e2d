package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) taskCommand() *cobra.Command {
	return noun("task", "See the duties of the calendar and record what was done about them",
		p.taskList(), p.taskShow(), p.taskDone(), p.taskDelegate(), p.taskAssign(), p.taskNotOccurring(), p.taskCalendar(), p.taskStart())
}

func (p *program) taskList() *cobra.Command {
	var state, owner, from, to string
	var orphaned bool
	command := &cobra.Command{
		Use:   "list [TASK] [--state STATE] [--owner OWNER] [--from D] [--to D]",
		Short: "List occurrences by due time; without dates from 35 days ago to 14 days ahead",
		Args:  args(0, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			q := tasks.Query{State: calendar.State(state), Owner: owner, Orphaned: orphaned}
			if state != "" && !slices.Contains(calendar.States(), q.State) {
				return usagef("--state %q: one of %s", state, stateNames())
			}
			if len(given) == 1 {
				q.Duty, _ = tasks.Split(given[0])
			}
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				zone, err := s.Config.Location()
				if err != nil {
					return err
				}
				now := s.Clock.Now()
				q.From, q.To = now.AddDate(0, 0, -35), now.AddDate(0, 0, 14)
				if err := instant("--from", from, zone, &q.From); err != nil {
					return err
				}
				if err := instant("--to", to, zone, &q.To); err != nil {
					return err
				}
				if !q.From.Before(q.To) {
					return usagef("--from %s is not before --to %s", q.From.In(zone).Format(time.DateOnly), q.To.In(zone).Format(time.DateOnly))
				}
				return p.listTasks(cmd.Context(), s, q, zone)
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&state, "state", "", "only this state: "+stateNames())
	flags.StringVar(&owner, "owner", "", "only what this owner, or this delegate, has to do")
	flags.StringVar(&from, "from", "", "due on this day, or at this instant, or later")
	flags.StringVar(&to, "to", "", "due before this day or instant")
	flags.BoolVar(&orphaned, "orphaned", false, "only what is to be done by somebody who has left")
	return command
}

func stateNames() string {
	var all []string
	for _, state := range calendar.States() {
		all = append(all, string(state))
	}
	return list(all)
}

// instant reads a date or time that may be left away.
func instant(flag, text string, zone *time.Location, into *time.Time) error {
	if text == "" {
		return nil
	}
	at, err := config.Instant(text, zone)
	if err != nil {
		return usagef("%s: %w", flag, err)
	}
	*into = at
	return nil
}

func (p *program) listTasks(ctx context.Context, s *surface.System, q tasks.Query, zone *time.Location) error {
	listed, err := s.Occurrences(ctx, caller(), q)
	if err != nil {
		return err
	}
	for i := range listed {
		l := &listed[i]
		if p.json {
			if err := p.line(l); err != nil {
				return err
			}
			continue
		}
		who := l.Responsible
		if who != l.Owner {
			who += " for " + l.Owner
		}
		if l.Orphaned != "" {
			who += fmt.Sprintf("  ORPHANED: %s has left", l.Orphaned)
		}
		printf(p.Out, "%-16s %-13s %-30s %s\n", l.DueAt.In(zone).Format("2006-01-02 15:04"), l.State, l.ID, who)
	}
	if len(listed) == 0 && !p.json {
		printf(p.Err, "No occurrence matches.\n")
	}
	return nil
}

func (p *program) taskShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show TASK[@DATE]",
		Short: "Show an occurrence; without a date the one that is to be done now, and the duty",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				task, o, err := s.Task(cmd.Context(), caller(), given[0])
				if err != nil {
					return err
				}
				zone, err := s.Config.Location()
				if err != nil {
					return err
				}
				return p.print(map[string]any{"task": task, "occurrence": o}, func(w io.Writer) {
					schedule := task.Schedule()
					printf(w, "%s  %s\n%s (%s)\n", task.ID, task.Title, schedule.String(), schedule.Timezone)
					if task.What != "" {
						printf(w, "%s\n", task.What)
					}
					if task.Orphaned != nil {
						printf(w, "ORPHANED: the owner %s has left: give it another one with scaf task assign\n", task.Orphaned.Owner)
					}
					if o != nil {
						printOccurrence(w, o, zone)
					}
					if o != nil && task.Evidence != nil && (o.DoneAt == nil || !task.Shown(o)) {
						_, date := tasks.Split(o.ID)
						printf(w, "  to be named  %s: %s\n", task.Evidence.What, task.Evidence.Says(date))
					}
				})
			})
		},
	}
}

func printOccurrence(w io.Writer, o *tasks.Occurrence, zone *time.Location) {
	when := func(at time.Time) string { return at.In(zone).Format("2006-01-02 15:04 MST") }
	printf(w, "%s  %s\n  due          %s\n", o.ID, o.State, when(o.DueAt))
	if o.Deadline.After(o.DueAt) {
		printf(w, "  grace until  %s\n", when(o.Deadline))
	}
	printf(w, "  owner        %s\n", o.Owner)
	if o.Responsible != o.Owner {
		printf(w, "  delegated to %s\n", o.Responsible)
	}
	if o.DoneAt != nil {
		late := ""
		if o.DoneAt.After(o.Deadline) {
			late = ", after its grace: it stays " + string(o.State)
		}
		printf(w, "  done         %s by %s%s\n", when(*o.DoneAt), o.DoneBy, late)
	}
	for _, line := range []struct{ name, text string }{{"note", o.Note}, {"evidence", strings.Join(o.Evidence, ", ")}, {"reason", o.Reason}} {
		if line.text != "" {
			printf(w, "  %-12s %s\n", line.name, line.text)
		}
	}
	if o.EscalatedAt != nil {
		printf(w, "  escalated    %s to %s\n", when(*o.EscalatedAt), o.EscalatedTo)
	}
}

// changeTask opens the folder for writing, with the calendar established.
func (p *program) changeTask(ctx context.Context, work func(*surface.System, *tasks.Desk) error) error {
	return p.open(ctx, surface.Write, func(s *surface.System) error {
		if _, err := s.Establish(ctx, caller()); err != nil {
			return err
		}
		return work(s, s.Desk())
	})
}

// enter records something about an occurrence and prints what came of it.
func (p *program) enter(ctx context.Context, who func(context.Context, *surface.System) (act.Caller, error), record func(*surface.System, act.Caller) (*tasks.Occurrence, error)) error {
	return p.changeTask(ctx, func(s *surface.System, _ *tasks.Desk) error {
		by, err := who(ctx, s)
		if err != nil {
			return err
		}
		o, err := record(s, by)
		if err != nil {
			return err
		}
		zone, err := s.Config.Location()
		if err != nil {
			return err
		}
		return p.print(o, func(w io.Writer) { printOccurrence(w, o, zone) })
	})
}

func (p *program) taskDone() *cobra.Command {
	var e tasks.Entry
	var file string
	var who func(context.Context, *surface.System) (act.Caller, error)
	command := &cobra.Command{
		Use:   "done TASK[@DATE] [--note TEXT] [--evidence REF]... [--file FILE] [--as person/ID]",
		Short: "Record that an occurrence was done, now; without a date the one that is to be done",
		Long: `Record that an occurrence was done, now, and what came of it or which records
show it. Its owner does so, or whom it was delegated to; at this machine you do
so under your own name, or for one of them with --as. What the duty asks for (scaf
task show) has to be named. Until the grace ends, --evidence and --file name more
evidence of what is done already.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			e.Ref = given[0]
			return p.enter(cmd.Context(), who, func(s *surface.System, by act.Caller) (*tasks.Occurrence, error) {
				if file == "" {
					return s.Desk().Done(cmd.Context(), by, e)
				}
				content, err := os.Open(file)
				if err != nil {
					return nil, usagef("--file: %v", err)
				}
				defer func() { _ = content.Close() }() // it was read
				return s.Done(cmd.Context(), by, e, filepath.Base(file), content)
			})
		},
	}
	who = behalf(command)
	command.Flags().StringVar(&file, "file", "", "a file that shows it: it is attached to the duty")
	command.Flags().StringVar(&e.Note, "note", "", "what came of it")
	command.Flags().StringArrayVar(&e.Evidence, "evidence", nil, "reference to a record that shows it, like evidence/EVD-1; may be repeated")
	return command
}

func (p *program) taskNotOccurring() *cobra.Command {
	var e tasks.Entry
	var who func(context.Context, *surface.System) (act.Caller, error)
	command := &cobra.Command{
		Use:   "not-occurring TASK[@DATE] --reason TEXT",
		Short: "Record why there is nothing to do in an occurrence; its owner cannot",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if strings.TrimSpace(e.Note) == "" {
				return usagef("scaf task not-occurring needs --reason: why there is nothing to do")
			}
			e.Ref = given[0]
			return p.enter(cmd.Context(), who, func(s *surface.System, by act.Caller) (*tasks.Occurrence, error) {
				return s.Desk().NotOccurring(cmd.Context(), by, e)
			})
		},
	}
	who = behalf(command)
	command.Flags().StringVar(&e.Note, "reason", "", "why there is nothing to do")
	return command
}

func (p *program) taskDelegate() *cobra.Command {
	var to, until string
	command := &cobra.Command{
		Use:   "delegate TASK --to person/ID --until D",
		Short: "Hand a duty to somebody else for a time",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if to == "" || until == "" {
				return usagef("scaf task delegate needs --to, a person like person/E1001, and --until, a date like 2026-01-31")
			}
			return p.changeTask(cmd.Context(), func(s *surface.System, desk *tasks.Desk) error {
				zone, err := s.Config.Location()
				if err != nil {
					return err
				}
				end, err := config.Instant(until, zone)
				if err != nil {
					return usagef("--until: %w", err)
				}
				task, err := desk.Delegate(cmd.Context(), caller(), given[0], to, end)
				if err != nil {
					return err
				}
				return p.print(task, func(w io.Writer) {
					printf(w, "%s: %s does it until %s\n", task.ID, to, end.In(zone).Format("2006-01-02 15:04"))
				})
			})
		},
	}
	command.Flags().StringVar(&to, "to", "", "who does it meanwhile")
	command.Flags().StringVar(&until, "until", "", "the day or instant at which it ends")
	return command
}

func (p *program) taskAssign() *cobra.Command {
	return &cobra.Command{
		Use:   "assign TASK OWNER",
		Short: "Give a duty another owner: a person like person/E1001, or a role",
		Args:  args(2, 2),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.changeTask(cmd.Context(), func(_ *surface.System, desk *tasks.Desk) error {
				task, err := desk.Assign(cmd.Context(), caller(), given[0], given[1])
				if err != nil {
					return err
				}
				return p.print(task, func(w io.Writer) { printf(w, "%s: %s answers for it\n", task.ID, given[1]) })
			})
		},
	}
}

func (p *program) taskCalendar() *cobra.Command {
	var year int
	command := &cobra.Command{
		Use:   "calendar [--year YEAR]",
		Short: "Print the occurrences of a year, month by month; of daily duties a line a month",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				zone, err := s.Config.Location()
				if err != nil {
					return err
				}
				if year == 0 {
					year = s.Clock.Now().In(zone).Year()
				}
				if year < 1970 || year > 9998 {
					return usagef("--year %d is none that SCAF knows", year)
				}
				listed, err := s.Occurrences(cmd.Context(), caller(), tasks.Query{
					From: time.Date(year, 1, 1, 0, 0, 0, 0, zone), To: time.Date(year+1, 1, 1, 0, 0, 0, 0, zone),
				})
				if err != nil {
					return err
				}
				return p.printCalendar(listed, zone)
			})
		},
	}
	command.Flags().IntVar(&year, "year", 0, "the year; this one when left away")
	return command
}

func (p *program) printCalendar(listed []tasks.Listed, zone *time.Location) error {
	type daily struct{ duty, month string }
	counts := map[daily]map[calendar.State]int{}
	for i := range listed {
		l := &listed[i]
		if p.json {
			if err := p.line(l); err != nil {
				return err
			}
		}
		if l.Frequency == calendar.Daily {
			key := daily{l.Duty, l.DueAt.In(zone).Format("January 2006")}
			if counts[key] == nil {
				counts[key] = map[calendar.State]int{}
			}
			counts[key][l.State]++
		}
	}
	if p.json {
		return nil
	}
	month := ""
	for i := range listed {
		l := &listed[i]
		at := l.DueAt.In(zone)
		if now := at.Format("January 2006"); now != month {
			month = now
			printf(p.Out, "%s\n", month)
		}
		if l.Frequency != calendar.Daily {
			printf(p.Out, "  %s %2d  %-13s %-28s %s\n", at.Format("Mon"), at.Day(), l.State, l.Duty, l.Responsible)
			continue
		}
		key := daily{l.Duty, month}
		if states := counts[key]; states != nil {
			var parts []string
			for _, state := range calendar.States() {
				if n := states[state]; n > 0 {
					parts = append(parts, fmt.Sprintf("%d %s", n, state))
				}
			}
			printf(p.Out, "  daily                 %-28s %s\n", l.Duty, strings.Join(parts, ", "))
			delete(counts, key)
		}
	}
	return nil
}

func (p *program) taskStart() *cobra.Command {
	return &cobra.Command{
		Use:   "start",
		Short: "Begin the calendar now, or take the changes of duty files; scaf serve does it by itself",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				changed, err := s.Establish(cmd.Context(), caller())
				if err != nil {
					return err
				}
				return p.print(map[string]any{"changed": changed}, func(w io.Writer) {
					printf(w, "%d duties are new or changed\n", len(changed))
					for _, id := range changed {
						printf(w, "  %s\n", id)
					}
				})
			})
		},
	}
}
