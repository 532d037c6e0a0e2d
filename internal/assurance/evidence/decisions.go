package evidence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// decided are the kinds of what people decided, whose files a bundle has: one
// document a line, in the order of the ledger. Versions and assessments are of
// all controls, the others of the period.
var decided = []struct {
	kind *record.Kind
	what string
}{
	{versions.Register, "versions of controls, and who approved them"},
	{versions.Assessments, "assessments of the design of controls"},
	{judgments.Deviations, "causes of deviations and what compensated for them"},
	{judgments.Conclusions, "conclusions by persons"},
	{resolutions.Register, "resolutions of mismatches"},
}

func decidedPath(kind *record.Kind) string { return "decisions/" + kind.Register + ".jsonl" }

// isDecision reports whether records of the kind are made by people under rules
// that verifying checks, or belong to those rules: results do, since people
// conclude from them, and people, since their titles say who owns a control.
func isDecision(kind *record.Kind) bool {
	for _, one := range decided {
		if one.kind.Name == kind.Name {
			return true
		}
	}
	return kind.Name == results.Register.Name || kind.Name == versions.PersonKind
}

// decisions are the documents of a kind as of the checkpoint, one a line.
func decisions(from populations.Snapshot, kind *record.Kind, period string) ([]byte, error) {
	type line struct {
		doc  []byte
		from int64
	}
	var all []line
	err := from.Versions(record.Range{Kind: kind.Name}, func(v *record.Version) error {
		var of struct {
			Period *string `json:"period"`
		}
		if err := json.Unmarshal(v.Doc, &of); err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		if of.Period == nil || *of.Period == period {
			all = append(all, line{bytes.Clone(v.Doc), v.From})
		}
		return nil
	})
	slices.SortFunc(all, func(a, b line) int { return cmp.Compare(a.from, b.from) })
	var out bytes.Buffer
	for _, one := range all {
		out.Write(one.doc)
		out.WriteByte('\n')
	}
	return out.Bytes(), err
}

// decisionBook holds, event by event, what people recorded against the rules by
// which it could be recorded: who may decide, on what, and after what.
type decisionBook struct {
	kinds       record.Kinds
	documents   map[string][]byte // of every record, by reference
	versions    *versions.Book
	deviations  map[string]*judgments.Deviation
	conclusions map[string][]judgments.Conclusion // by period
	resolutions map[string]*resolutions.Resolution
	results     map[string]*results.Result
}

func newDecisionBook(kinds record.Kinds) *decisionBook {
	return &decisionBook{
		kinds: kinds, documents: map[string][]byte{}, versions: versions.NewBook(), deviations: map[string]*judgments.Deviation{},
		conclusions: map[string][]judgments.Conclusion{}, results: map[string]*results.Result{},
		resolutions: map[string]*resolutions.Resolution{},
	}
}

// record enters what an event made, and says what is wrong with it.
func (b *decisionBook) record(e *ledger.Event) error {
	made, err := b.kinds.Made(record.Applied{Index: e.Index, Type: e.Type, Subject: e.Subject, Data: e.Data})
	if err != nil || made == nil {
		return err
	}
	doc, err := record.Replayed(b.documents[e.Subject], made.Payload(), made.Whole(), made.SHA256)
	if err != nil {
		return err
	}
	b.documents[e.Subject] = bytes.Clone(doc)
	if made.Kind.Name == versions.PersonKind {
		return nil
	}
	by, err := versions.Acting(act.Caller{ID: e.Actor, By: e.RecordedBy}, b.documents[e.Actor])
	if err != nil {
		return err
	}
	once := func() error {
		if made.Version != 1 {
			return fmt.Errorf("it is recorded once, and was changed")
		}
		return nil
	}
	switch made.Kind.Name {
	case versions.Register.Name:
		v, err := read[versions.Version](doc)
		if err == nil {
			err = b.versions.Record(v, by, e.Instant())
		}
		return err
	case versions.Assessments.Name:
		a, err := read[versions.Assessment](doc)
		if err == nil {
			err = cmp.Or(once(), b.versions.Assessed(a, by, e.Instant()))
		}
		return err
	case judgments.Deviations.Name:
		return b.deviation(doc, by, e)
	case resolutions.Register.Name:
		return b.resolution(doc, by, e)
	case judgments.Conclusions.Name:
		c, err := read[judgments.Conclusion](doc)
		if err != nil {
			return err
		}
		r := b.results[c.Result]
		if r == nil {
			return fmt.Errorf("there is no result %q to conclude from", c.Result)
		}
		err = cmp.Or(once(), c.Follows(b.conclusions[c.Period], r.Basis(), by, e.Instant()))
		b.conclusions[c.Period] = append(b.conclusions[c.Period], *c)
		return err
	}
	r, err := read[results.Result](doc)
	if err != nil {
		return err
	}
	if made.Version == 1 {
		b.results[r.ID] = r
	}
	if r.PerformedBy != e.Actor {
		return fmt.Errorf("it is recorded by %s, and says that %s performed it", e.Actor, r.PerformedBy)
	}
	return once()
}

func (b *decisionBook) deviation(doc []byte, by versions.Actor, e *ledger.Event) error {
	d, err := read[judgments.Deviation](doc)
	if err != nil {
		return err
	}
	before := b.deviations[e.Subject]
	b.deviations[e.Subject] = d
	r := b.results[d.Result]
	if r == nil || r.Control != d.Control || r.Test != d.Test || r.Period != d.Period || r.Owner != d.Owner {
		return fmt.Errorf("the result %q is not of this test, or its control has another owner than %q", d.Result, d.Owner)
	}
	return d.Follows(before, by, e.Instant())
}

func (b *decisionBook) resolution(doc []byte, by versions.Actor, e *ledger.Event) error {
	r, err := read[resolutions.Resolution](doc)
	if err != nil {
		return err
	}
	before := b.resolutions[e.Subject]
	b.resolutions[e.Subject] = r
	return r.Follows(before, by, e.Instant())
}

// disowned are the resolutions that name an owner of their control whom no
// result of the test names.
func (b *decisionBook) disowned() (wrong []string) {
	for _, ref := range slices.Sorted(maps.Keys(b.resolutions)) {
		r, tested, owned := b.resolutions[ref], false, false
		for _, result := range b.results {
			if result.Control == r.Control && result.Test == r.Test && result.Period == r.Period {
				tested, owned = true, owned || result.Owner == r.Owner
			}
		}
		if tested && !owned {
			wrong = append(wrong, fmt.Sprintf("%s: no result of the test says that %q owns its control", ref, r.Owner))
		}
	}
	return wrong
}

func read[T any](doc []byte) (*T, error) {
	one := new(T)
	return one, json.Unmarshal(doc, one)
}

// decisions names what people could not have recorded so, and files that are
// not what was recorded.
func (v *verifying) decisions() error {
	for _, one := range decided {
		want, err := decisions(v.state, one.kind, v.archive.manifest.Period)
		if err != nil {
			return err
		}
		if err := v.same(decidedPath(one.kind), want); err != nil {
			return err
		}
	}
	book := newDecisionBook(v.Kinds)
	err := v.state.at(v.state.decided, func(index int64, body []byte) error {
		event, err := ledger.Read(index, body)
		if err != nil {
			return err
		}
		if wrong := book.record(event); wrong != nil {
			v.differ("event %d, %s: %v", index, event.Subject, wrong)
		}
		return nil
	})
	for _, wrong := range book.disowned() {
		v.differ("%s", wrong)
	}
	return err
}
