package evidence

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/record"
)

// execution computes populations and results of a period again.
type execution struct {
	from    populations.Snapshot
	kinds   record.Kinds
	account *account
	// control reads a control file by its hash; nil when it is not there.
	control func(hash string) ([]byte, error)
	// notes reads an evidence file by its hash.
	notes func(hash string) ([]byte, error)
	root  func(size int64) (tlog.Hash, error)

	loaded map[string]*controls.Control
}

// outputs are told what a computation goes over; either may be nil.
type outputs struct {
	doc  func(doc []byte) error
	each func(line []byte) error
}

// perform computes a population, and the result that was computed from it, and
// says what differs from what is recorded. Its error is one of reading.
func (x *execution) perform(ctx context.Context, b *kept[populations.Banked], out outputs) (differences []string, err error) {
	differs := func(format string, args ...any) {
		differences = append(differences, b.Value.ID+": "+fmt.Sprintf(format, args...))
	}
	result := x.account.resultOf(b.Value.ID)
	control, why, err := x.load(x.account.controlOf(&b.Value))
	if err != nil {
		return nil, err
	}
	if control == nil {
		differs("not computed again: %s", why)
		return differences, nil
	}
	test, ok := control.Test(b.Value.Test)
	if !ok || control.ID != b.Value.Control {
		differs("not computed again: the control file %s is of %s and has no test %q of %s", control.SHA256, control.ID, b.Value.Test, b.Value.Control)
		return differences, nil
	}
	differences = append(differences, x.timing(b)...)
	question, err := x.question(b, result, control, test)
	if err != nil {
		differs("not computed again: %v", err)
		return differences, nil
	}
	question.Doc = out.doc
	if out.each != nil {
		var line []byte
		question.Each = func(o controltests.ItemOutcome) error {
			line = outcomeLine(line[:0], o)
			return out.each(line)
		}
	}
	answer, err := results.Compute(ctx, x.from, x.kinds, question)
	if err != nil {
		differs("cannot be computed again: %v", err)
		return differences, ctx.Err()
	}
	banked := answer.Banked
	banked.ID, banked.BankedAt, banked.BankedBy, banked.ControlSHA256 = b.Value.ID, b.Value.BankedAt, b.Value.BankedBy, b.Value.ControlSHA256
	if err := compare(banked, b.doc, differs); err != nil || result == nil {
		return differences, err
	}
	got, r := answer.Result, &result.Value
	got.ID, got.Population, got.PerformedAt, got.PerformedBy, got.Details, got.Notes = r.ID, r.Population, r.PerformedAt, r.PerformedBy, r.Details, r.Notes
	if err := compare(got, result.doc, func(format string, args ...any) {
		differences = append(differences, r.ID+": "+fmt.Sprintf(format, args...))
	}); err != nil {
		return differences, err
	}
	return x.details(differences, r, answer.Details)
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
	within := query.From.Equal(period.Value.From) && !query.To.After(period.Value.To)
	if !within || !b.Value.Interim && !query.To.Equal(period.Value.To) || query.Zone != period.Value.Timezone {
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

// question is what the record says was asked.
func (x *execution) question(b *kept[populations.Banked], result *kept[results.Result], control *controls.Control, test *controls.Test) (q results.Question, err error) {
	zone, err := time.LoadLocation(b.Value.Query.Zone)
	if err != nil {
		return q, err
	}
	q = results.Question{
		Control: control, Test: test, Period: b.Value.Period, Interim: b.Value.Interim, Root: b.Value.Checkpoint.Root,
		Window: populations.Window{From: b.Value.Query.From, To: b.Value.Query.To, Zone: zone, AsOf: b.Value.Checkpoint.Size, Interim: b.Value.Interim},
	}
	if result == nil {
		return q, nil
	}
	q.Engine = result.Value.Engine
	if result.Value.Notes == "" {
		return q, nil
	}
	data, err := x.notes(result.Value.Notes)
	if err != nil {
		return q, err
	}
	q.Notes, err = controltests.ParseNotes(evidencePath(result.Value.Notes), data)
	return q, err
}

// details compares the evidence file with the whole result.
func (x *execution) details(differences []string, r *results.Result, computed *controltests.Result) ([]string, error) {
	again, err := json.Marshal(computed)
	if err != nil || sum(again) == r.Details {
		return differences, err
	}
	data, err := x.notes(r.Details)
	if err != nil {
		return append(differences, fmt.Sprintf("%s: its evidence file %s cannot be read: %v", r.ID, r.Details, err)), nil
	}
	want, err := record.Canonical(json.RawMessage(data))
	if err != nil {
		return append(differences, fmt.Sprintf("%s: its evidence file %s is not JSON", r.ID, r.Details)), nil //nolint:nilerr // a difference, not an error
	}
	count := len(differences)
	err = compare(json.RawMessage(again), want, func(format string, args ...any) {
		differences = append(differences, r.ID+", details: "+fmt.Sprintf(format, args...))
	})
	if err == nil && len(differences) == count { // the same, written otherwise
		differences = append(differences, fmt.Sprintf("%s: its evidence file has the SHA-256 %s, computing it again gives %s", r.ID, r.Details, sum(again)))
	}
	return differences, err
}

// compare holds a document that was computed against a recorded one, field by
// field.
func compare(computed any, recorded []byte, differs func(format string, args ...any)) error {
	again, err := record.Canonical(computed)
	if err != nil || string(again) == string(recorded) {
		return err
	}
	var got, want map[string]json.RawMessage
	if err := json.Unmarshal(again, &got); err != nil {
		return err
	}
	if err := json.Unmarshal(recorded, &want); err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(got))
	for name := range want {
		if _, ok := got[name]; !ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if string(got[name]) != string(want[name]) {
			differs("%s is recorded as %s, computing it again gives %s", name, shown(want[name]), shown(got[name]))
		}
	}
	return nil
}

// shown shortens a value for a line.
func shown(value []byte) string {
	const most = 300
	if len(value) == 0 {
		return "nothing"
	}
	if len(value) > most {
		return string(value[:most]) + "…"
	}
	return string(value)
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
