package versions

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Assessment is what somebody who does not own a control found out about the
// design of one version of it: whether it would work if it is performed as the
// file says.
type Assessment struct {
	ID      string `json:"id"` // ASM-1, ASM-2 ...
	Control string `json:"control"`
	Version string `json:"version"` // CHG-01.2
	SHA256  string `json:"sha256"`  // of its file
	// Risk is the risk that it addresses, Precision what deviation it would
	// catch, Walkthrough the reference of the one item that was followed from
	// its beginning to its end.
	Risk        string `json:"risk"`
	Precision   string `json:"precision"`
	Walkthrough string `json:"walkthrough"`
	// Conclusion is effective or ineffective.
	Conclusion controltests.Conclusion `json:"conclusion"`
	Reason     string                  `json:"reason"`
	Assessor   string                  `json:"assessor"`
	// AssessedVia is who entered it for the assessor, where somebody did.
	AssessedVia string    `json:"assessed_via,omitempty"`
	AssessedAt  time.Time `json:"assessed_at"`
}

// Assessments describes the register of design assessments.
var Assessments = record.Define[Assessment](record.Definition{
	Kind: "assessment", Register: "assessments", Title: "Design assessments", At: "assessed_at", Internal: true,
	Purpose: "Whether a control, as it is written, would do what it is for.",
	Shown:   []string{"control", "version", "conclusion", "assessor", "assessed_at"},
})

// Assess records an assessment of a version: of the one that is named, or of
// the latest one of the control. The assessor is never the owner. The
// reference of the walkthrough must be that of a record, where it is of a
// register.
func (d *Desk) Assess(ctx context.Context, caller act.Caller, a Assessment) (*Assessment, error) {
	_, err := d.Door.Do(ctx, caller, "control.assess", "control/"+a.Control, func(tx *act.Tx) error {
		of, err := Of(populations.Stored(&tx.Reader), a.Control, 0)
		if err != nil {
			return err
		}
		version, err := assessed(of, a.Control, a.Version)
		if err != nil {
			return err
		}
		if err := d.walked(&tx.Reader, a.Walkthrough); err != nil {
			return err
		}
		number, err := record.Number(&tx.Reader, Assessments.Name)
		if err != nil {
			return err
		}
		a.ID = fmt.Sprintf("ASM-%d", number)
		a.Version, a.SHA256, a.Assessor, a.AssessedVia, a.AssessedAt = version.ID, version.SHA256, tx.Caller().ID, tx.Caller().By, tx.Now()
		by, err := ActorOf(&tx.Reader, tx.Caller())
		if err != nil {
			return err
		}
		if err := NewBook(of...).Assessed(&a, by, tx.Now()); err != nil {
			return err
		}
		_, err = record.Put(tx, Assessments, record.Change{Verb: "recorded", ID: a.ID, Doc: a})
		return err
	})
	return &a, err
}

// assessed is the version that an assessment is of.
func assessed(of []*Version, control, name string) (*Version, error) {
	if name != "" {
		return named(of, control, name)
	}
	var latest *Version
	for _, v := range of {
		if !v.Ended() && (latest == nil || v.Number > latest.Number) {
			latest = v
		}
	}
	if latest == nil {
		return nil, fmt.Errorf("%w: %s has no version: adopt or propose one first", ErrNone, control)
	}
	return latest, nil
}

// walked checks the reference of the item that was walked through.
func (d *Desk) walked(r *store.Reader, ref string) error {
	kind, id, err := d.Kinds.Parse(ref)
	if err != nil && strings.Contains(strings.Trim(ref, "/"), "/") {
		return nil // an event, an occurrence, or an item of another system
	}
	if err != nil {
		return fmt.Errorf("%w: the walkthrough %q is no reference: write it as kind/id, like change/4f2a", ErrWrong, ref)
	}
	_, err = record.Get(r, kind.Name, id)
	return err
}

// Assessed checks an assessment that somebody made at an instant (act.ErrSamePerson,
// ErrWrong).
func (b *Book) Assessed(a *Assessment, by Actor, at time.Time) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s: %s", ErrWrong, a.ID, fmt.Sprintf(format, args...))
	}
	version := b.Find(a.Version)
	switch {
	case version == nil || version.Control != a.Control || version.SHA256 != a.SHA256:
		return wrong("%s has no version %q with the file %s", a.Control, a.Version, a.SHA256)
	case a.Conclusion != controltests.Effective && a.Conclusion != controltests.Ineffective:
		return wrong("the design is effective or ineffective, not %q", a.Conclusion)
	case a.Assessor != by.ID || a.AssessedVia != by.By || !a.AssessedAt.Equal(at):
		return wrong("it is assessed by who records it (%s)", by.ID)
	case Owns(version.Owner, by):
		return fmt.Errorf("%w: %s is the owner of %s, and cannot assess its design", act.ErrSamePerson, a.Assessor, a.Control)
	}
	for _, part := range []struct{ name, text string }{{"risk", a.Risk}, {"precision", a.Precision}, {"walkthrough", a.Walkthrough}, {"reason", a.Reason}} {
		if strings.TrimSpace(part.text) == "" {
			return wrong("it needs a %s", part.name)
		}
	}
	return nil
}

// Design is the latest assessment of a version as of a checkpoint (0: now); nil
// when there is none.
func Design(from populations.Snapshot, version string, asOf int64) (*Assessment, error) {
	latest, err := populations.Once(from, designsAt(asOf), func() (map[string]*Assessment, error) {
		latest, made := map[string]*Assessment{}, map[string]int64{}
		return latest, from.Versions(record.Range{Kind: Assessments.Name, AsOf: asOf}, func(v *record.Version) error {
			one, err := known[Assessment](from, v)
			if err == nil && (latest[one.Version] == nil || v.From > made[one.Version]) {
				latest[one.Version], made[one.Version] = one, v.From
			}
			return err
		})
	})
	return latest[version], err
}

// designsAt are the latest assessments of a remembered snapshot, by version.
type designsAt int64

// ListAssessments reads the assessments of a control, or of all of them when
// none is named, the oldest first.
func ListAssessments(r *store.Reader, control string) ([]*Assessment, error) {
	all := []*Assessment{}
	err := record.Each(r, record.Range{Kind: Assessments.Name}, func(v *record.Version) error {
		one, err := decode[Assessment](v)
		if err == nil && (control == "" || one.Control == control) {
			all = append(all, one)
		}
		return err
	})
	return all, err
}

func decode[T any](v *record.Version) (*T, error) {
	one := new(T)
	if err := json.Unmarshal(v.Doc, one); err != nil {
		return nil, fmt.Errorf("%s: %w", v.Ref(), err)
	}
	return one, nil
}

// known is decode, once for all who ask a snapshot: nobody changes what it gives.
func known[T any](from populations.Snapshot, v *record.Version) (*T, error) {
	return record.Parsed(populations.Memo(from), v.Doc, func([]byte) (*T, error) { return decode[T](v) })
}
