package results

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Found is a deviation that a result shows, with what was recorded about it.
type Found struct {
	Result   string              `json:"result"` // RES-...
	Control  string              `json:"control"`
	Test     string              `json:"test"`
	Period   string              `json:"period"`
	Interim  bool                `json:"interim"`
	Item     string              `json:"item"`
	Reason   controltests.Reason `json:"reason"`
	Standing Standing            `json:"standing"`
	// Judged is what was recorded about it; null: nothing.
	Judged *judgments.Deviation `json:"judged"`
}

// Standing says how far the judging of a deviation has come.
type Standing string

// The standings.
const (
	NoCause   Standing = "no_cause"
	Stated    Standing = "stated" // and not confirmed
	Confirmed Standing = "confirmed"
)

// Ref is the deviation's reference: RES-1/ITEM.
func (f *Found) Ref() string { return f.Result + "/" + f.Item }

// ErrNoDeviation says: the result shows no such deviation.
var ErrNoDeviation = errors.New("there is no such deviation")

// Deviations lists the deviations that the latest results of a period show.
func (l *Lab) Deviations(ctx context.Context, period string) ([]Found, error) {
	all := []Found{}
	err := l.DB.Read(ctx, func(r *store.Reader) error {
		latest, err := Latest(r, period, 0)
		if err != nil {
			return err
		}
		for _, key := range Keys(latest) {
			result := latest[key]
			if result.Deviations == 0 {
				continue
			}
			deviations, err := l.deviations(ctx, &result)
			if err != nil {
				return err
			}
			for _, d := range deviations {
				found, err := find(r, &result, d)
				if err != nil {
					return err
				}
				all = append(all, *found)
			}
		}
		return nil
	})
	return all, err
}

// DeviationsOf lists deviations of a result, at most so many, from the one with this number on,
// counted from 0.
func (l *Lab) DeviationsOf(ctx context.Context, result *Result, from, most int) (all []Found, err error) {
	listed := result.Exceptions // the first ones: its record holds no others
	if len(listed) < min(from+most, result.Deviations) {
		if listed, err = l.deviations(ctx, result); err != nil {
			return nil, err
		}
	}
	listed = listed[min(from, len(listed)):]
	err = l.DB.Read(ctx, func(r *store.Reader) error {
		for _, d := range listed[:min(most, len(listed))] {
			found, err := find(r, result, d)
			if err != nil {
				return err
			}
			all = append(all, *found)
		}
		return nil
	})
	return all, err
}

// Deviating are the items that deviated in a result, and why: all of them.
func (l *Lab) Deviating(ctx context.Context, result *Result) (map[string]controltests.Reason, error) {
	all := result.Exceptions
	if len(all) < result.Deviations {
		var err error
		if all, err = l.deviations(ctx, result); err != nil {
			return nil, err
		}
	}
	items := make(map[string]controltests.Reason, len(all))
	for _, d := range all {
		items[d.Item] = d.Reason
	}
	return items, nil
}

// find is a deviation that a result shows, with what was recorded about it.
func find(r *store.Reader, result *Result, d controltests.Deviation) (*Found, error) {
	found := &Found{
		Result: result.ID, Control: result.Control, Test: result.Test, Period: result.Period, Interim: result.Interim,
		Item: d.Item, Reason: d.Reason, Standing: NoCause,
	}
	v, err := record.Get(r, judgments.Deviations.Name, subject(result, d.Item).ID())
	if err == nil {
		found.Judged, err = decode[judgments.Deviation](v)
	}
	if err != nil && !errors.Is(err, record.ErrNone) {
		return nil, err
	}
	if found.Judged != nil && found.Judged.Cause != nil {
		found.Standing = Stated
		if found.Judged.Cause.Confirmed() {
			found.Standing = Confirmed
		}
	}
	return found, nil
}

// Deviation finds one of the deviations that a result shows, with the result.
func (l *Lab) Deviation(ctx context.Context, ref string) (found *Found, of *Result, err error) {
	of, deviated, err := l.deviation(ctx, ref)
	if err != nil {
		return nil, nil, err
	}
	err = l.DB.Read(ctx, func(r *store.Reader) error {
		found, err = find(r, of, *deviated)
		return err
	})
	return found, of, err
}

func subject(r *Result, item string) judgments.Subject {
	return judgments.Subject{Control: r.Control, Test: r.Test, Period: r.Period, Item: item}
}

// deviations reads all deviations of a result.
func (l *Lab) deviations(ctx context.Context, r *Result) ([]controltests.Deviation, error) {
	data, err := l.evidence(ctx, r.Details)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.ID, err)
	}
	var whole controltests.Result
	err = json.Unmarshal(data, &whole)
	return whole.Deviations, err
}

// deviation finds what a reference (RES-1/ITEM) means.
func (l *Lab) deviation(ctx context.Context, ref string) (*Result, *controltests.Deviation, error) {
	id, item, ok := strings.Cut(ref, "/")
	if !ok || item == "" {
		return nil, nil, fmt.Errorf("%w: %q: write it as RES-1/ITEM", ErrNoDeviation, ref)
	}
	result, err := l.Result(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	all, err := l.deviations(ctx, result)
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(all, func(d controltests.Deviation) bool { return d.Item == item })
	if at < 0 {
		return nil, nil, fmt.Errorf("%w: the item %q did not deviate in %s", ErrNoDeviation, item, id)
	}
	return result, &all[at], nil
}

// State records what the caller states about a deviation: its cause, what
// compensated for it, an incident that it is linked with. It does not count
// before somebody else has confirmed it.
func (l *Lab) State(ctx context.Context, caller act.Caller, ref string, stated judgments.Deviation) (judged *judgments.Deviation, err error) {
	if err := l.Door.Check(ctx, caller, "deviation.state", "deviation/"+ref); err != nil {
		return nil, err
	}
	result, deviated, err := l.deviation(ctx, ref)
	if err != nil {
		return nil, err
	}
	stated.Subject, stated.Result, stated.Owner = subject(result, deviated.Item), result.ID, result.Owner
	_, err = l.Door.Do(ctx, caller, "deviation.state", "deviation/"+ref, func(tx *act.Tx) error {
		made, err := judgments.State(tx, stated)
		if err == nil && len(made) == 0 {
			return fmt.Errorf("%w: it is stated already", record.ErrSame)
		}
		if err == nil {
			judged = &made[0]
		}
		return err
	})
	return judged, err
}

// Confirm confirms what somebody else stated about a deviation.
func (l *Lab) Confirm(ctx context.Context, caller act.Caller, ref string) (judged *judgments.Deviation, err error) {
	if err := l.Door.Check(ctx, caller, "deviation.confirm", "deviation/"+ref); err != nil {
		return nil, err
	}
	result, deviated, err := l.deviation(ctx, ref)
	if err != nil {
		return nil, err
	}
	_, err = l.Door.Do(ctx, caller, "deviation.confirm", "deviation/"+ref, func(tx *act.Tx) error {
		judged, err = judgments.Confirm(tx, subject(result, deviated.Item))
		return err
	})
	return judged, err
}

// StateNotes states the causes and compensations that notes give for the
// deviations of a result, and returns how many were new.
func (l *Lab) StateNotes(ctx context.Context, caller act.Caller, result *Result, notes controltests.Notes) (int, error) {
	if err := l.Door.Check(ctx, caller, "deviation.state", "deviation/"+result.ID); err != nil {
		return 0, err
	}
	all, err := l.deviations(ctx, result)
	if err != nil {
		return 0, err
	}
	var stated []judgments.Deviation
	for _, d := range all {
		one := judgments.Deviation{Subject: subject(result, d.Item), Result: result.ID, Owner: result.Owner}
		note := notes.Items[d.Item]
		if note.Cause != "" {
			one.Cause = &judgments.Cause{ID: note.Cause, Person: note.Person, Subsystem: note.Subsystem}
		}
		one.Incident = note.Incident
		if reason := strings.TrimSpace(notes.Compensating[d.Item]); reason != "" {
			one.Compensation = &judgments.Compensation{Reason: reason}
		}
		if one.Cause != nil || one.Compensation != nil || one.Incident != "" {
			stated = append(stated, one)
		}
	}
	count := 0
	for batch := range slices.Chunk(stated, act.MaxBatch) {
		var made []judgments.Deviation
		_, err := l.Door.Do(ctx, caller, "deviation.state", "deviation/"+result.ID, func(tx *act.Tx) (err error) {
			made, err = judgments.State(tx, batch...)
			if err == nil && len(made) == 0 {
				return record.ErrSame
			}
			return err
		})
		if err != nil && !errors.Is(err, record.ErrSame) {
			return count, err
		}
		count += len(made)
	}
	return count, nil
}

// CheckNotes says what is wrong with notes that are to be stated about the
// deviations of a period.
func CheckNotes(notes controltests.Notes) error {
	for _, item := range slices.Sorted(maps.Keys(notes.Items)) {
		note := notes.Items[item]
		if note.DesignLevel {
			return fmt.Errorf("items, %s: whether a cause is one of the design follows from the list of causes", item)
		}
		if note.Cause == "" && (note.Person != "" || note.Subsystem != "") {
			return fmt.Errorf("items, %s: person and subsystem belong to a cause", item)
		}
		if note.Cause != "" {
			if _, err := judgments.FindCause(note.Cause); err != nil {
				return fmt.Errorf("items, %s: %w", item, err)
			}
		}
	}
	if notes.DesignLevel {
		return errors.New("design_level: state a cause of the design, or assess the design (scaf control assess)")
	}
	return nil
}

// Conclude records what a person concludes from a result, in the name of
// management or of the auditor. It stands beside the computed conclusion.
func (l *Lab) Conclude(ctx context.Context, caller act.Caller, id string, c judgments.Conclusion) (made *judgments.Conclusion, err error) {
	action := "control.conclude"
	if c.Role != judgments.Management {
		action = "audit.conclude"
	}
	if err := l.Door.Check(ctx, caller, action, "result/"+id); err != nil {
		return nil, err
	}
	result, err := l.Result(ctx, id)
	if err != nil {
		return nil, err
	}
	_, err = l.Door.Do(ctx, caller, action, "result/"+id, func(tx *act.Tx) error {
		made, err = judgments.Conclude(tx, c, result.Basis())
		return err
	})
	return made, err
}

// Basis is what a person concludes from.
func (r *Result) Basis() judgments.Basis {
	return judgments.Basis{
		Result: r.ID, Control: r.Control, Test: r.Test, Period: r.Period, Owner: r.Owner, PerformedBy: r.PerformedBy,
		Conclusion: r.Conclusion, Deviations: r.Deviations, Design: r.Design == controltests.Ineffective,
	}
}
