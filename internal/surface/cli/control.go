package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) controlCommand() *cobra.Command {
	return noun("control", "List, check, approve, assess, test and conclude on controls",
		p.controlList(), p.controlShow(), p.controlCheck(), p.controlTry(), p.controlTest(), p.controlReperform(),
		p.controlPropose(), p.controlApprove(), p.controlReject(), p.controlWithdraw(), p.controlAdopt(), p.controlVersions(),
		p.controlAssess(), p.controlAssessments(), p.controlConclude(), p.controlConclusions())
}

func (p *program) controlList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the controls",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				all, err := s.Controls()
				if err != nil {
					return err
				}
				return printAll(p, all, "", func(w io.Writer, control *controls.Control) {
					printf(w, "%-8s %s\n         %s · %s · %s\n", control.ID, shorten(control.Title, 70),
						strings.Join(control.Criteria, " "), control.Owner, control.Frequency)
				})
			})
		},
	}
}

func (p *program) controlShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a control: objective, tests, and their expressions",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				control, err := s.Control(given[0])
				if err != nil {
					return err
				}
				return p.print(control, func(w io.Writer) { printControl(w, control) })
			})
		},
	}
}

func printControl(w io.Writer, c *controls.Control) {
	printf(w, "%s  %s\n\n", c.ID, c.Title)
	wrapped(w, "", c.Objective)
	printf(w, "\n")
	printf(w, "criteria   %s\nowner      %s\nfrequency  %s\nfile       %s\nsha256     %s\n", strings.Join(c.Criteria, " "), c.Owner, c.Frequency, c.File, c.SHA256)
	for _, t := range c.Tests {
		printf(w, "\ntest %s (%s): %s\n", t.ID, t.Kind, t.Title)
		printf(w, "  population  %s, by %s\n", t.Population.From, t.Population.At)
		if t.Population.Awaited {
			printf(w, "              %v: not tested\n", &results.AwaitedError{Register: t.Population.From})
		}
		for _, part := range termsOf(t) {
			if part.text != "" {
				printf(w, "  %-11s %s\n", part.name, strings.ReplaceAll(strings.TrimSpace(part.text), "\n", "\n              "))
			}
		}
	}
}

// named is something that a test says beside its population.
type named struct{ name, text string }

// termsOf are the terms of a test in the order in which people read them.
func termsOf(t *controls.Test) []named {
	terms := []named{{"where", t.Population.Where}, {"due", t.Due}, {"done", t.Done}, {"grace", t.Grace.String()}, {"pass", t.Pass}, {"every", string(t.Every)}}
	if s := t.StateTerms; s != nil {
		terms = append(terms, named{"interval", s.Interval.String()}, named{"resource", s.Resource}, named{"since", s.Since})
		if s.Changes != nil {
			terms = append(terms, named{"changes", s.Changes.From + " " + s.Changes.Where})
		}
	}
	if r := t.Reconcile; r != nil {
		terms = append(terms, named{"reconcile", r.With.From + " " + r.With.Where}, named{"key", r.Key}, named{"with key", r.WithKey})
	}
	if c := t.Cutoff; c != nil {
		terms = append(terms, named{"cut-off", c.Other + ", at most " + c.Tolerance.String() + " apart"})
	}
	return terms
}

func (p *program) controlCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILES]",
		Short: "Check control files; name file and line of every error",
		Long: `Check control files; every error is printed with its file and line, and the exit
status is 1. Without files, the catalog and the data folder's own controls are checked.`,
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
					all, err := s.Controls()
					return p.checked(len(all), all, err)
				})
			}
			var wrong controls.Errors
			var right []*controls.Control
			first := map[string]string{}
			for _, name := range given {
				control, err := readControl(name, p.backend.Kinds())
				var errs controls.Errors
				switch {
				case errors.As(err, &errs):
					wrong = append(wrong, errs...)
				case err != nil:
					return err
				case first[control.ID] != "":
					wrong = append(wrong, controls.Error{File: name, Line: 1, Text: fmt.Sprintf("the id %q is already that of %s", control.ID, first[control.ID])})
				default:
					first[control.ID] = name
					right = append(right, control)
				}
			}
			if len(wrong) > 0 {
				return p.checked(len(given), right, wrong)
			}
			return p.checked(len(given), right, nil)
		},
	}
}

// readControl reads one control file.
func readControl(name string, kinds record.Kinds) (*controls.Control, error) {
	data, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	return controls.Parse(name, data, controls.Builtin(kinds))
}

// awaiting is a test whose register is still to come.
type awaiting struct {
	Control  string `json:"control"`
	Test     string `json:"test"`
	Register string `json:"register"`
}

// checked prints what checking controls came to: the number of files, those
// that are right, and what is wrong with the others.
func (p *program) checked(count int, right []*controls.Control, err error) error {
	var wrong controls.Errors
	if err != nil && !errors.As(err, &wrong) {
		return err
	}
	waits := []awaiting{}
	for _, control := range right {
		for _, test := range control.Tests {
			if test.Population.Awaited {
				waits = append(waits, awaiting{control.ID, test.ID, test.Population.From})
			}
		}
	}
	if p.json {
		type problem struct {
			File string `json:"file"`
			Line int    `json:"line"`
			Text string `json:"text"`
		}
		list := []problem{}
		for _, one := range wrong {
			list = append(list, problem{one.File, one.Line, one.Text})
		}
		if err := p.line(map[string]any{"files": count, "errors": list, "awaiting": waits}); err != nil {
			return err
		}
	} else {
		for _, one := range wrong {
			_, _ = fmt.Fprintln(p.Out, one) // one line each, for programs too
		}
	}
	if len(wrong) > 0 {
		return failed{fmt.Errorf("%d error(s) in the control files", len(wrong))}
	}
	if p.json {
		return nil
	}
	printf(p.Out, "%d control(s) are right.\n", count)
	if len(waits) > 0 {
		printf(p.Out, "%d test(s) are not_tested until their register is there:\n", len(waits))
		for _, one := range waits {
			printf(p.Out, "  %s %s waits for %s\n", one.Control, one.Test, one.Register)
		}
	}
	return nil
}
