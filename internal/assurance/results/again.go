package results

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/record"
)

// Recorded is a population, and the result that was computed from it, as they
// are recorded: what they say, and their canonical documents.
type Recorded struct {
	Banked    *populations.Banked
	BankedDoc []byte
	Result    *Result // nil: only banked
	ResultDoc []byte
	// Control is the control file that they name.
	Control *controls.Control
	// Details reads the evidence file with this hash.
	Details func(hash string) ([]byte, error)
	// Begin is that of the Question; nil where nobody looks on.
	Begin func() (*Witness, error)
}

// Again computes populations and their results again, each as of the checkpoint
// that it was computed at, and tells of each what differs from what is recorded,
// byte for byte, in no particular order. Its error is the context's, or that of
// tell.
func Again(ctx context.Context, from populations.Snapshot, kinds record.Kinds, recorded []*Recorded, tell func(number int, differences []string) error) error {
	var questions []*Question
	var asked []int // by question: the number of what is recorded
	for number, rec := range recorded {
		question, why := rec.question()
		if question == nil {
			if err := tell(number, []string{rec.Banked.ID + ": not computed again: " + why}); err != nil {
				return err
			}
			continue
		}
		questions, asked = append(questions, question), append(asked, number)
	}
	return Compute(ctx, from, kinds, questions, func(number int, a *Answer, err error) error {
		rec := recorded[asked[number]]
		if err != nil {
			return tell(asked[number], []string{fmt.Sprintf("%s: cannot be computed again: %v", rec.Banked.ID, err)})
		}
		differences, err := rec.compare(a)
		if err != nil {
			return err
		}
		return tell(asked[number], differences)
	})
}

// compare says what differs between an answer and what is recorded.
func (rec *Recorded) compare(answer *Answer) (differences []string, err error) {
	b, r := rec.Banked, rec.Result
	differs := func(id string) func(string, ...any) {
		return func(format string, args ...any) {
			differences = append(differences, id+": "+fmt.Sprintf(format, args...))
		}
	}
	banked := answer.Banked
	banked.ID, banked.BankedAt, banked.BankedBy, banked.ControlSHA256 = b.ID, b.BankedAt, b.BankedBy, b.ControlSHA256
	if err := compare(banked, rec.BankedDoc, differs(b.ID)); err != nil || r == nil {
		return differences, err
	}
	got := answer.Result
	got.ID, got.Population, got.PerformedAt, got.PerformedBy, got.Details = r.ID, r.Population, r.PerformedAt, r.PerformedBy, r.Details
	if err := compare(got, rec.ResultDoc, differs(r.ID)); err != nil {
		return differences, err
	}
	err = rec.details(answer.Details, differs)
	return differences, err
}

// question is what the records say was asked; why says what is in the way of
// asking it again.
func (rec *Recorded) question() (q *Question, why string) {
	b := rec.Banked
	test, ok := rec.Control.Test(b.Test)
	if !ok || rec.Control.ID != b.Control {
		return nil, fmt.Sprintf("the control file %s is of %s and has no test %q of %s", rec.Control.SHA256, rec.Control.ID, b.Test, b.Control)
	}
	zone, err := time.LoadLocation(b.Query.Zone)
	if err != nil {
		return nil, err.Error()
	}
	q = &Question{
		Control: rec.Control, Test: test, Period: b.Period, Interim: b.Interim, Root: b.Checkpoint.Root, Begin: rec.Begin,
		Window: populations.Window{From: b.Query.From, To: b.Query.To, Zone: zone, AsOf: b.Checkpoint.Size, Interim: b.Interim},
	}
	if b.Query.Until != nil {
		q.Window.Until = *b.Query.Until
	}
	if rec.Result != nil {
		q.Engine, q.RecordedQuery = rec.Result.Engine, rec.Result.RecordedQuery
	}
	return q, ""
}

// details compares the evidence file with the whole result.
func (rec *Recorded) details(computed *controltests.Result, differs func(id string) func(string, ...any)) error {
	r := rec.Result
	hash, err := writtenSum(computed)
	if err != nil || hash == r.Details {
		return err
	}
	again, err := json.Marshal(computed)
	if err != nil || sum(again) == r.Details {
		return err
	}
	data, err := rec.Details(r.Details)
	if err != nil {
		differs(r.ID)("its evidence file %s cannot be read: %v", r.Details, err)
		return nil
	}
	want, err := record.Canonical(json.RawMessage(data))
	if err != nil {
		differs(r.ID)("its evidence file %s is not JSON", r.Details)
		return nil //nolint:nilerr // a difference, not an error
	}
	named := false
	err = compare(json.RawMessage(again), want, func(format string, args ...any) {
		named = true
		differs(r.ID+", details")(format, args...)
	})
	if err == nil && !named { // the same, written otherwise
		differs(r.ID)("its evidence file has the SHA-256 %s, computing it again gives %s", r.Details, sum(again))
	}
	return err
}

// writtenSum is the hash of a result as keep writes it, computed piece by
// piece: there may be a deviation for every item. Texts that are not UTF-8, which
// no item has, are written otherwise.
func writtenSum(result *controltests.Result) (string, error) {
	hash := sha256.New()
	if err := jsonv2.MarshalWrite(hash, result, jsonv1.DefaultOptionsV1()); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
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
			differs("%s is recorded as %s, computing it again gives %s", name, Shown(want[name]), Shown(got[name]))
		}
	}
	return nil
}

// Shown shortens a value for a line.
func Shown(value []byte) string {
	const most = 300
	if len(value) == 0 {
		return "nothing"
	}
	if len(value) > most {
		return string(value[:most]) + "…"
	}
	return string(value)
}
