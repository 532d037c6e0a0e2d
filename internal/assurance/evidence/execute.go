package evidence

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/record"
)

// execution computes populations and results of a period again.
type execution struct {
	from    populations.Snapshot
	kinds   record.Kinds
	account *account
	// control reads a control file by its hash; nil when it is not there.
	control func(hash string) ([]byte, error)
	// details reads an evidence file by its hash.
	details func(hash string) ([]byte, error)
	root    func(size int64) (tlog.Hash, error)

	loaded map[string]*controls.Control
}

// begun is called when reading a population begins, and once more when it has to
// begin again.
type begun func(number int) (*results.Witness, error)

// perform computes all populations, and the results that were computed from
// them, and tells of each, by its number in the account, what differs from what
// is recorded, in no particular order. Its error is one of reading.
func (x *execution) perform(ctx context.Context, begin begun, tell func(number int, differences []string) error) error {
	var recorded []*results.Recorded
	var numbers []int
	wrong := make([][]string, len(x.account.Banked)) // beside what is computed
	for number := range x.account.Banked {
		rec, differences, err := x.recorded(number)
		if err != nil {
			return err
		}
		if wrong[number] = differences; rec == nil {
			if err := tell(number, differences); err != nil {
				return err
			}
			continue
		}
		rec.Begin = func() (*results.Witness, error) { return begin(number) }
		recorded, numbers = append(recorded, rec), append(numbers, number)
	}
	return results.Again(ctx, x.from, x.kinds, recorded, func(i int, differences []string) error {
		number := numbers[i]
		return tell(number, append(wrong[number], differences...))
	})
}

// recorded is a population with its result, and what is wrong with when it was
// read; nil when it cannot be computed again.
func (x *execution) recorded(number int) (*results.Recorded, []string, error) {
	b := &x.account.Banked[number]
	control, why, err := x.load(x.account.controlOf(&b.Value))
	if err != nil {
		return nil, nil, err
	}
	if control == nil {
		return nil, []string{b.Value.ID + ": not computed again: " + why}, nil
	}
	rec := &results.Recorded{Banked: &b.Value, BankedDoc: b.doc, Control: control, Details: x.details}
	if result := x.account.resultOf(b.Value.ID); result != nil {
		rec.Result, rec.ResultDoc = &result.Value, result.doc
	}
	return rec, x.timing(b), nil
}

// lineByLine gives outcomes as lines of canonical JSON.
func lineByLine(take func(line []byte) error) func(controltests.ItemOutcome) error {
	var line []byte
	return func(o controltests.ItemOutcome) error {
		line = outcomeLine(line[:0], o)
		return take(line)
	}
}

// load reads and compiles a control file; why says what is in the way.
func (x *execution) load(hash string) (control *controls.Control, why string, err error) {
	if hash == "" {
		return nil, "nothing says which control file it was read by", nil
	}
	if known := x.loaded[hash]; known != nil {
		return known, "", nil
	}
	data, err := x.control(hash)
	if err != nil {
		return nil, "", err
	}
	if data == nil {
		return nil, "the control file with the SHA-256 " + hash + " is missing", nil
	}
	if sum(data) != hash {
		return nil, "the control file " + hash + " has another SHA-256", nil
	}
	if control, err = controls.Parse(controlPath(hash), data, controls.Builtin(x.kinds)); err != nil {
		return nil, "the control file cannot be read: " + err.Error(), nil //nolint:nilerr // a difference, not an error
	}
	if x.loaded == nil {
		x.loaded = map[string]*controls.Control{}
	}
	x.loaded[hash] = control
	return control, "", nil
}

// timing says what is wrong with when a population was read, and for which part
// of the period.
func (x *execution) timing(b *kept[populations.Banked]) (wrong []string) {
	differs := func(format string, args ...any) {
		wrong = append(wrong, b.Value.ID+": "+fmt.Sprintf(format, args...))
	}
	period, query := &x.account.Period, &b.Value.Query
	parts, err := versions.Parts(x.from, b.Value.Control, b.Value.Checkpoint.Size, period.Value.From, period.Value.To)
	if err != nil {
		differs("the versions of its control: %v", err)
	}
	if parts = append(parts, versions.Part{From: period.Value.From, To: period.Value.To}); !isPart(parts, query, b.Value.Interim) ||
		!untilEnd(query, &period.Value, b.Value.Interim) || query.Zone != period.Value.Timezone {
		differs("it was read from %s to %s (%s), the period is %s to %s (%s)", query.From.Format(time.RFC3339), query.To.Format(time.RFC3339), query.Zone,
			period.Value.From.Format(time.RFC3339), period.Value.To.Format(time.RFC3339), period.Value.Timezone)
	}
	size := b.Value.Checkpoint.Size
	if !b.Value.Interim && (period.Value.State != periods.Closed || size <= period.from) {
		differs("it says that it is final, and was read before the period was closed")
	}
	if size > b.from {
		differs("it was recorded as event %d, and read at a checkpoint of %d events", b.from, size)
	} else if root, err := x.root(size); err != nil || hex.EncodeToString(root[:]) != b.Value.Checkpoint.Root {
		differs("it was read at a checkpoint of size %d with root %s, the log had %x", size, b.Value.Checkpoint.Root, root[:])
	}
	return wrong
}

// isPart reports whether a query is for one of the parts: an interim one for the
// beginning of it.
func isPart(parts []versions.Part, query *populations.Query, interim bool) bool {
	return slices.ContainsFunc(parts, func(p versions.Part) bool {
		return query.From.Equal(p.From) && (query.To.Equal(p.To) || interim && query.To.Before(p.To))
	})
}

// untilEnd reports whether deadlines are judged up to the period's end: by an
// interim population up to when it was read, or to where the sources reach.
func untilEnd(query *populations.Query, period *periods.Period, interim bool) bool {
	until := query.To
	if query.Until != nil {
		until = *query.Until
	}
	return until.Equal(period.To) || interim && until.Before(period.To) && !until.Before(query.To)
}

// outcomeLine writes an item's outcome as canonical JSON.
func outcomeLine(line []byte, o controltests.ItemOutcome) []byte {
	line = append(line, `{"item":`...)
	quoted, err := jsontext.AppendQuote(line, o.Item)
	if err != nil { // not UTF-8: what can be shown of it
		quoted, _ = jsontext.AppendQuote(line, fmt.Sprintf("%q", o.Item))
	}
	line = append(append(quoted, `,"outcome":"`...), o.Outcome...)
	line = append(line, '"')
	if o.Reason != "" {
		line = append(append(append(line, `,"reason":"`...), o.Reason...), '"')
	}
	return append(line, '}')
}
