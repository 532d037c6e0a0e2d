// Package reports says how the controls stand: for each its conclusion, the
// counts behind it, and the reason for everything that is not green. There is
// no score: nothing here adds up unlike things.
package reports

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/together"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Readiness is the readiness report of a period.
type Readiness struct {
	Organization string          `json:"organization"`
	Timezone     string          `json:"timezone"`
	Period       *periods.Period `json:"period"` // null before one was opened
	At           time.Time       `json:"at"`
	Ledger       Ledger          `json:"ledger"`
	// Conclusions counts the controls by conclusion, the worst one first.
	Conclusions []Count   `json:"conclusions"`
	Controls    []Control `json:"controls"`
	// Day is what is new, what is late, and what comes.
	Day *Day `json:"day"`
}

// Ledger is the checkpoint that the report was read at.
type Ledger struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   string `json:"root"`
}

// Count is the number of controls with a conclusion.
type Count struct {
	Conclusion controltests.Conclusion `json:"conclusion"`
	Controls   int                     `json:"controls"`
}

// Control is one control's line.
type Control struct {
	ID            string                  `json:"id"`
	Title         string                  `json:"title"`
	Owner         string                  `json:"owner"`
	Frequency     controls.Frequency      `json:"frequency"`
	Criteria      []string                `json:"criteria"`
	Conclusion    controltests.Conclusion `json:"conclusion"`
	Interim       bool                    `json:"interim"`
	NeedsJudgment bool                    `json:"needs_judgment"`
	// Design, Operating and Attestation are kept apart: how the designs of its
	// versions were assessed, how it operated, and what rests on people's word
	// alone (empty: nothing).
	Design      controltests.Conclusion `json:"design"`
	Operating   controltests.Conclusion `json:"operating"`
	Attestation controltests.Conclusion `json:"attestation,omitempty"`
	// Parts are the parts of the period over which one version was in force, in
	// their order, Tests those of all parts. Notices say what somebody should
	// know of the versions.
	Parts   []Part   `json:"parts"`
	Notices []string `json:"notices"`
	Tests   []Test   `json:"tests"`
	// awaits: all of its tests wait for registers that are not there yet.
	awaits bool
}

// Part is a part of the period, and the version of the control that is tested
// over it. The version is empty where none was in force.
type Part struct {
	From       time.Time               `json:"from"`
	To         time.Time               `json:"to"`
	Version    string                  `json:"version"`
	SHA256     string                  `json:"sha256"` // of the file that is tested
	ApprovedBy string                  `json:"approved_by,omitempty"`
	ApprovedAt *time.Time              `json:"approved_at,omitempty"`
	Design     controltests.Conclusion `json:"design"` // not_tested: it was not assessed
	Assessment string                  `json:"assessment,omitempty"`
	Conclusion controltests.Conclusion `json:"conclusion"` // of its tests
}

// Test is one test of a control over a part of the period, with its latest
// result.
type Test struct {
	// Part is the number of the part, from 0.
	Part       int                     `json:"part"`
	ID         string                  `json:"id"`
	Title      string                  `json:"title"`
	Kind       controls.Kind           `json:"kind"`
	Conclusion controltests.Conclusion `json:"conclusion"`
	Result     *results.Result         `json:"result"` // null when it was never performed
	// Because is the reason for a conclusion that is not effective.
	Because []string `json:"because"`
	// Concluded is what people concluded from the result. It replaces nothing.
	Concluded []judgments.Conclusion `json:"concluded"`

	test *controls.Test
	from time.Time // the beginning of the part
}

// order is the order of the conclusions in a report.
var order = []controltests.Conclusion{
	controltests.Ineffective, controltests.Incomplete, controltests.NotTested,
	controltests.EffectiveWithExceptions, controltests.Effective, controltests.NotOccurring,
}

// Question is what a report answers: how the controls of an organisation stand
// at an instant. The answer depends on it, and on what the ledger held then,
// and on nothing else.
type Question struct {
	Organization string
	Controls     []*controls.Control
	Kinds        record.Kinds
	Zone         *time.Location
	// Period is the period's name; empty: the one that began last by then.
	Period string
	At     time.Time
	// Since is the earlier instant with which At is compared: a day before.
	Since time.Time
	// Horizon is how far ahead of At the report looks for what becomes a
	// deviation.
	Horizon time.Duration
	// Files reads the control files of versions that are not those in use.
	Files *results.Files
}

// Build answers the question by what a reader, or several of the same checkpoint,
// read at once. That no period was open by then is no error, unless the question
// names one.
func Build(ctx context.Context, q Question, readers ...*store.Reader) (*Readiness, error) {
	of := func(r *store.Reader) *builder {
		return &builder{reader: r, snapshot: populations.Remember(populations.Stored(r)), question: q}
	}
	b := of(readers[0])
	head, err := b.checkpoint(q.At)
	if err != nil {
		return nil, err
	}
	report := &Readiness{Organization: q.Organization, Timezone: q.Zone.String(), At: q.At.UTC(), Controls: []Control{}, Ledger: head}
	if head.Size > 0 {
		report.Period, err = periods.ChooseAt(readers[0], q.Period, head.Size)
		if err != nil && (q.Period != "" || !errors.Is(err, periods.ErrNone)) {
			return nil, err
		}
	} else if q.Period != "" {
		return nil, fmt.Errorf("%w: %q, and the ledger was empty", periods.ErrNone, q.Period)
	}
	before, err := b.checkpoint(q.Since)
	if err != nil {
		return nil, err
	}
	report.Day = newDay(q, before)
	other := b
	tests := func(ctx context.Context) error { return b.tests(ctx, report) }
	duties := func(ctx context.Context) error { return other.undoneDuties(ctx, report) }
	if len(readers) == 1 {
		if err := tests(ctx); err != nil {
			return nil, err
		}
		return report, duties(ctx)
	}
	other = of(readers[1])
	err = together.Do(ctx, tests, duties)
	return report, err
}

// tests says how the controls stand, and what of that is new.
func (b *builder) tests(ctx context.Context, report *Readiness) error {
	now, err := b.view(report.Period, report.Ledger.Size, b.question.At)
	if err != nil {
		return err
	}
	counts := map[controltests.Conclusion]int{}
	for _, control := range b.question.Controls {
		line, err := now.control(ctx, control)
		if err != nil {
			return fmt.Errorf("%s: %w", control.ID, err)
		}
		counts[line.Conclusion]++
		report.Controls = append(report.Controls, line)
	}
	for _, conclusion := range order {
		report.Conclusions = append(report.Conclusions, Count{conclusion, counts[conclusion]})
	}
	return b.changed(ctx, report)
}

// checkpoint is the state of the ledger at an instant.
func (b *builder) checkpoint(at time.Time) (Ledger, error) {
	head, err := ledger.ReadHead(b.reader)
	if err != nil {
		return Ledger{}, err
	}
	past, err := ledger.At(b.reader, at)
	return Ledger{head.Origin, past.Size, hex.EncodeToString(past.Root)}, err
}

// zone is the organisation's time zone.
func (r *Readiness) zone() *time.Location {
	zone, err := time.LoadLocation(r.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Ranked are the controls as people read them: the worst ones first, without
// those that Waiting counts.
func (r *Readiness) Ranked() []Control {
	ranked := slices.DeleteFunc(slices.Clone(r.Controls), func(c Control) bool { return c.awaits })
	slices.SortStableFunc(ranked, func(a, b Control) int {
		return cmp.Compare(slices.Index(order, a.Conclusion), slices.Index(order, b.Conclusion))
	})
	return ranked
}

// Waiting are the ids of the controls of which nothing can be tested before
// their registers are there.
func (r *Readiness) Waiting() (ids []string) {
	for _, c := range r.Controls {
		if c.awaits {
			ids = append(ids, c.ID)
		}
	}
	return ids
}
