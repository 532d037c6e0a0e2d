package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) controlPropose() *cobra.Command {
	var effective string
	var who acting
	command := &cobra.Command{
		Use:   "propose FILE|ID --effective-from DATE",
		Short: "Propose a control file, or the one in use, as the version in force from a day on",
		Long: `Propose a control file, or the file in use of the control with this id, to be the
version that is in force from a day on. Somebody else approves it (scaf control
approve). A control's first version may take effect on any day; a later one takes
effect with its approval at the earliest.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if effective == "" {
				return usagef("scaf control propose needs --effective-from: a date like 2026-01-31, or a time")
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				by, err := who(cmd.Context(), s)
				if err != nil {
					return err
				}
				at, err := s.Instant(effective)
				if err != nil {
					return usagef("--effective-from: %w", err)
				}
				control, err := proposed(s, given[0])
				if err != nil {
					return err
				}
				v, err := s.VersionDesk().Propose(cmd.Context(), by, control, at)
				if err != nil {
					return err
				}
				return p.print(v, func(w io.Writer) {
					printVersion(w, v)
					printf(w, "Another person brings it into force: scaf control approve %s --version %s\n", v.Control, v.ID)
				})
			})
		},
	}
	command.Flags().StringVar(&effective, "effective-from", "", "the day, or instant, from which it is in force")
	who = behalf(command)
	return command
}

// proposed is the control of a file, or the one in use.
func proposed(s *surface.System, name string) (*controls.Control, error) {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && !strings.ContainsAny(name, "/\\") && !strings.HasSuffix(name, ".yaml") {
		return s.Control(name)
	}
	return readControl(name, s.Kinds)
}

func (p *program) controlApprove() *cobra.Command {
	var version string
	var who acting
	command := &cobra.Command{
		Use:   "approve ID --version SHA256|VERSION",
		Short: "Bring a proposed version of a control into force; never by who proposed it",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if version == "" {
				return usagef("scaf control approve needs --version: the SHA-256 of the file, or %s.1", given[0])
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				by, err := who(cmd.Context(), s)
				if err != nil {
					return err
				}
				v, err := s.VersionDesk().Approve(cmd.Context(), by, given[0], version)
				if err != nil {
					return err
				}
				return p.print(v, func(w io.Writer) { printVersion(w, v) })
			})
		},
	}
	command.Flags().StringVar(&version, "version", "", "the version, or the beginning of its file's SHA-256")
	who = behalf(command)
	return command
}

func (p *program) controlReject() *cobra.Command {
	return p.controlEnd("reject", "Say that a proposed version does not come into force; never by who proposed it", (*versions.Desk).Reject)
}

func (p *program) controlWithdraw() *cobra.Command {
	return p.controlEnd("withdraw", "Take back a proposed version; only by who proposed it", (*versions.Desk).Withdraw)
}

// controlEnd is a command by which nothing comes of a proposed version.
func (p *program) controlEnd(verb, short string, end func(d *versions.Desk, ctx context.Context, by act.Caller, control, name, reason string) (*versions.Version, error)) *cobra.Command {
	var version, reason string
	var who acting
	command := &cobra.Command{
		Use:   verb + " ID --version SHA256|VERSION --reason WHY",
		Short: short,
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if version == "" || strings.TrimSpace(reason) == "" {
				return usagef("scaf control %s needs --version: the SHA-256 of the file, or %s.1, and --reason: why", verb, given[0])
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				by, err := who(cmd.Context(), s)
				if err != nil {
					return err
				}
				v, err := end(s.VersionDesk(), cmd.Context(), by, given[0], version, reason)
				if err != nil {
					return err
				}
				return p.print(v, func(w io.Writer) { printVersion(w, v) })
			})
		},
	}
	command.Flags().StringVar(&version, "version", "", "the version, or the beginning of its file's SHA-256")
	command.Flags().StringVar(&reason, "reason", "", "why it does not come into force")
	who = behalf(command)
	return command
}

func (p *program) controlAdopt() *cobra.Command {
	var all bool
	var effective string
	var who acting
	command := &cobra.Command{
		Use:   "adopt --all | ID...",
		Short: "Approve the catalog's own control files as first versions",
		Long: `Approve the control files that come with the program as the first versions of their
controls, each by an event of its own. Controls of which a version is proposed or
approved are left as they are, and so are those whose owner you are. Without --effective-from they are in force
since ever; results say when they were approved.`,
		RunE: func(cmd *cobra.Command, given []string) error {
			if all == (len(given) > 0) {
				return usagef("scaf control adopt needs ids, or --all")
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				by, err := who(cmd.Context(), s)
				if err != nil {
					return err
				}
				var from *time.Time
				if effective != "" {
					at, err := s.Instant(effective)
					if err != nil {
						return usagef("--effective-from: %w", err)
					}
					at = at.UTC().Truncate(time.Microsecond)
					from = &at
				}
				chosen, err := s.FromCatalog(given...)
				if errors.Is(err, surface.ErrNoControl) {
					return usagef("%w", err)
				}
				if err != nil {
					return err
				}
				adopted, own, err := s.VersionDesk().Adopt(cmd.Context(), by, chosen, from)
				if err != nil {
					return err
				}
				return p.print(map[string]any{"adopted": adopted, "own": own}, func(w io.Writer) {
					printf(w, "%d of %d controls adopted (one of which a version is proposed or approved, or that is yours, is left as it is)\n", len(adopted), len(chosen))
					for _, id := range own {
						printf(w, "%s is yours: another person adopts it\n", id)
					}
				})
			})
		},
	}
	command.Flags().BoolVar(&all, "all", false, "every control of the catalog")
	command.Flags().StringVar(&effective, "effective-from", "", "the day, or instant, from which they are in force (default: since ever)")
	who = behalf(command)
	return command
}

func (p *program) controlVersions() *cobra.Command {
	return &cobra.Command{
		Use:   "versions [ID]",
		Short: "List the versions of a control: file, dates, approver",
		Args:  args(0, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			control := strings.Join(given, "")
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				var all []*versions.Version
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					all, err = versions.List(r, control)
					return err
				}); err != nil {
					return err
				}
				return printAll(p, all, "No version is recorded: scaf control adopt --all, or scaf control propose", printVersion)
			})
		},
	}
}

func printVersion(w io.Writer, v *versions.Version) {
	since := "since ever"
	if v.EffectiveFrom != nil {
		since = "from " + v.EffectiveFrom.Format(time.RFC3339)
	}
	printf(w, "%-12s %-9s %-26s %s…\n", v.ID, v.State, since, v.SHA256[:12])
	wrapped(w, "             ", "proposed by "+v.ProposedBy+", "+v.ProposedAt.Format(time.RFC3339))
	if v.ApprovedAt != nil {
		wrapped(w, "             ", "approved by "+v.ApprovedBy+", "+v.ApprovedAt.Format(time.RFC3339))
	}
	if v.RejectedAt != nil {
		wrapped(w, "             ", "rejected by "+v.RejectedBy+", "+v.RejectedAt.Format(time.RFC3339)+": "+v.Reason)
	}
	if v.WithdrawnAt != nil {
		wrapped(w, "             ", "withdrawn by "+v.WithdrawnBy+", "+v.WithdrawnAt.Format(time.RFC3339)+": "+v.Reason)
	}
}
