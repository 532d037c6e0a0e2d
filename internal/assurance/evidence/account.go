package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
)

// kept is a record as a snapshot has it.
type kept[T any] struct {
	Value T
	doc   []byte // canonical
	from  int64  // index of the event that made this version
}

// account is what a snapshot of the ledger says of a period: what was banked,
// and what its tests came to.
type account struct {
	Period  kept[periods.Period]
	Banked  []kept[populations.Banked]
	Results []kept[results.Result]
	// Evidence is what was collected of documents that reach into the period.
	Evidence []kept[documents.Evidence]
	// Attached are the files attached to records of the period; LeftOut counts
	// those for which a bundle has no room.
	Attached []kept[attached.File]
	LeftOut  int
}

// readAccount reads what a snapshot says of a period, in the order in which it
// was recorded.
func readAccount(from populations.Snapshot, period string) (*account, error) {
	a := &account{}
	all, err := recordsOf(from, periods.Register, func(p *periods.Period) bool { return p.Name == period })
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: %q", periods.ErrNone, period)
	}
	a.Period = all[0]
	if a.Banked, err = recordsOf(from, populations.Register, func(b *populations.Banked) bool { return b.Period == period }); err != nil {
		return nil, err
	}
	of := &a.Period.Value
	if a.Evidence, err = recordsOf(from, documents.Register, func(e *documents.Evidence) bool { return e.From.Before(of.To) && of.From.Before(e.To) }); err != nil {
		return nil, err
	}
	if a.Attached, a.LeftOut, err = attachments(from, of, maxAttached); err != nil {
		return nil, err
	}
	a.Results, err = recordsOf(from, results.Register, func(r *results.Result) bool { return r.Period == period })
	return a, err
}

func recordsOf[T any](from populations.Snapshot, kind *record.Kind, wanted func(*T) bool) ([]kept[T], error) {
	var all []kept[T]
	err := from.Versions(record.Range{Kind: kind.Name}, func(v *record.Version) error {
		one := kept[T]{from: v.From}
		if err := json.Unmarshal(v.Doc, &one.Value); err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		if wanted(&one.Value) {
			one.doc = bytes.Clone(v.Doc)
			all = append(all, one)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b kept[T]) int { return cmp.Compare(a.from, b.from) })
	return all, err
}

// resultOf is the result that was computed from a population; nil when it was
// only banked.
func (a *account) resultOf(population string) *kept[results.Result] {
	for i := range a.Results {
		if a.Results[i].Value.Population == population {
			return &a.Results[i]
		}
	}
	return nil
}

// controlOf is the hash of the control file by which a population was read;
// empty when nothing says it.
func (a *account) controlOf(b *populations.Banked) string {
	if b.ControlSHA256 != "" {
		return b.ControlSHA256
	}
	if r := a.resultOf(b.ID); r != nil {
		return r.Value.ControlSHA256
	}
	return ""
}

// controlFiles are the hashes of all control files that were used, sorted.
func (a *account) controlFiles() []string {
	var all []string
	for i := range a.Banked {
		if hash := a.controlOf(&a.Banked[i].Value); hash != "" {
			all = append(all, hash)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// evidenceFiles are the hashes of the evidence files that results name, and of
// those that people had to read, sorted.
func (a *account) evidenceFiles() []string {
	var all []string
	for i := range a.Evidence {
		all = append(all, a.Evidence[i].Value.SHA256)
	}
	for i := range a.Results {
		if hash := a.Results[i].Value.Details; hash != "" {
			all = append(all, hash)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// The paths of a bundle's files.
func controlPath(hash string) string    { return "controls/" + hash + ".yaml" }
func evidencePath(hash string) string   { return "evidence/" + hash }
func populationPath(id string) string   { return "populations/" + id + ".json" }
func documentsPath(hash string) string  { return "populations/" + hash + ".jsonl" }
func resultPath(id string) string       { return "results/" + id + ".json" }
func outcomesPath(result string) string { return "results/" + result + ".jsonl" }

func sortedKeys(m map[string]bool) []string { return slices.Sorted(maps.Keys(m)) }

// named is the hash of its content that a file's path says; empty for the
// paths that say none.
func named(path string) string {
	for _, shape := range []func(string) string{controlPath, evidencePath, attachmentPath, documentsPath} {
		before, after, _ := strings.Cut(shape("*"), "*")
		rest, ok := strings.CutPrefix(path, before)
		if hash, end := strings.CutSuffix(rest, after); ok && end && len(hash) == 2*sha256.Size {
			return hash
		}
	}
	return ""
}
