package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

func (p *program) observationCommand() *cobra.Command {
	return noun("observation", "Record what was seen of the state of systems", p.observationRecord(), p.observationImport(), p.observationList())
}

func (p *program) observationRecord() *cobra.Command {
	var o observations.Observation
	var at, value, failedFor string
	var absent bool
	command := &cobra.Command{
		Use:   "record --resource R --check C --source S --query Q (--value JSON | --failed WHY | --absent) [--at T]",
		Short: "Record the state of a resource as it was read, now or at a moment",
		Long: `Record the state of a resource as it was read at a moment: its value, that it could
not be read (--failed, with the reason), or that it is not there (--absent). What could
not be read is a gap, and never a pass. A moment in a closed period is refused.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Outcome, o.Reason = observations.Read, failedFor
			given := 0
			for _, one := range []struct {
				set     bool
				outcome observations.Outcome
			}{{value != "", observations.Read}, {failedFor != "", observations.Failed}, {absent, observations.Absent}} {
				if one.set {
					o.Outcome = one.outcome
					given++
				}
			}
			if given != 1 {
				return usagef("scaf observation record needs one of --value JSON, --failed WHY, --absent")
			}
			if value != "" {
				if !json.Valid([]byte(value)) {
					return usagef("--value is not JSON: write it as an object, like '{\"tls\":\"1.3\"}'")
				}
				o.Value = json.RawMessage(value)
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				o.ObservedAt = s.Clock.Now()
				if at != "" {
					zone, err := s.Config.Location()
					if err != nil {
						return err
					}
					if o.ObservedAt, err = config.Instant(at, zone); err != nil {
						return usagef("--at: %w", err)
					}
				}
				receipts, err := observations.Record(cmd.Context(), s.Door, caller(), o)
				if err != nil {
					return err
				}
				return p.print(receipts[0], func(w io.Writer) {
					printf(w, "%s  %s %s: event %d\n", o.ObservedAt.UTC().Format(time.RFC3339), o.Resource, o.Outcome, receipts[0].Index)
				})
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.Resource, "resource", "", "what was looked at, like tls://www.example.org:443")
	flags.StringVar(&o.Check, "check", "", "what of it, like tls")
	flags.StringVar(&o.Source, "source", "", "who looked")
	flags.StringVar(&o.Query, "query", "", "exactly enough to look again")
	flags.StringVar(&value, "value", "", "what was read, a JSON object")
	flags.StringVar(&failedFor, "failed", "", "it could not be read, for this reason")
	flags.BoolVar(&absent, "absent", false, "the resource is not there")
	flags.StringVar(&at, "at", "", "the moment, if it was not now")
	return command
}

func (p *program) observationImport() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE.jsonl|-",
		Short: "Take observations from a file, one JSON object a line",
		Long: `Take observations from a file, one JSON object a line: resource, check, source,
query, observed_at, outcome (read, failed, absent), value (what was read), reason (of
a failure). The file is checked whole before its first line is recorded; what is in
the ledger already is skipped.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				file, name, release, err := p.staged(given[0])
				if err != nil {
					return err
				}
				defer release()
				show, finish := p.progress("importing observations")
				done, err := (&observations.Import{DB: s.DB, Door: s.Door, Name: name, File: file, Progress: show}).Run(cmd.Context(), caller(), s.Clock.Now())
				finish()
				if err != nil {
					return err
				}
				return p.imported(done, "Import of the observations in "+name, "observations", func(w io.Writer) {
					printf(w, "interval     %s\n", period(done.Since, done.Until))
				})
			})
		},
	}
}

func (p *program) observationList() *cobra.Command {
	var resource, since, until string
	var limit int
	command := &cobra.Command{
		Use:   "list [--resource R] [--since T] [--until T] [--limit N]",
		Short: "List observations in the order of the ledger",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				if err := s.Allow(cmd.Context(), caller(), "ledger.read", "ledger"); err != nil {
					return err
				}
				zone, err := s.Config.Location()
				if err != nil {
					return err
				}
				q := ledger.Query{Type: observations.RecordedType, Subject: resource}
				if err := instant("--since", since, zone, &q.Since); err != nil {
					return err
				}
				if err := instant("--until", until, zone, &q.Until); err != nil {
					return err
				}
				left := limit
				return s.DB.Read(cmd.Context(), func(r *store.Reader) error {
					return ledger.FindIn(r, q, func(e *ledger.Event) error {
						if left--; left < 0 && limit > 0 {
							return ledger.Stop
						}
						return p.printObservation(e)
					})
				})
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&resource, "resource", "", "only of this resource")
	flags.StringVar(&since, "since", "", "observed on this day, or at this instant, or later")
	flags.StringVar(&until, "until", "", "observed before this day or instant")
	flags.IntVar(&limit, "limit", 100, "at most so many; 0 for all")
	return command
}

func (p *program) printObservation(e *ledger.Event) error {
	var o observations.Observation
	if err := json.Unmarshal(e.Data, &o); err != nil {
		return fmt.Errorf("event %d: %w", e.Index, err)
	}
	return p.print(struct {
		Index int64 `json:"index"`
		observations.Observation
	}{e.Index, o}, func(w io.Writer) {
		what := string(o.Value)
		if o.Outcome != observations.Read {
			what = string(o.Outcome)
			if o.Reason != "" {
				what += ": " + o.Reason
			}
		}
		printf(w, "%-8d %s %s %s\n         %s\n", e.Index, o.ObservedAt.Format(time.RFC3339), o.Check, shorten(o.Resource, 40), shorten(what, 70))
	})
}
