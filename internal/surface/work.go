package surface

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Deadline is a deadline that stands in a record.
type Deadline struct {
	// Ref is the record's reference, Title what people call it, What what is to be
	// done.
	Ref   string    `json:"ref"`
	Title string    `json:"title,omitempty"`
	What  string    `json:"what"`
	At    time.Time `json:"at"`
	Owner string    `json:"owner"`

	version string // of an acknowledgment: what is to be acknowledged
}

// Owed is what somebody has to do.
type Owed struct {
	// As are the names by which duties and records know them: their reference, what
	// is in it, their title, and their roles.
	As []string `json:"as"`
	// Occurrences have not been done, and fall due before Until or have done so;
	// those that were missed are not among them.
	Occurrences []tasks.Listed `json:"occurrences"`
	Deadlines   []Deadline     `json:"deadlines"`
	Until       time.Time      `json:"until"`
}

// behind is how far back undone occurrences are looked for: a late one of a yearly
// duty is younger.
const behind = 400 * 24 * time.Hour

// Owed is what the caller has to do up to some time from now. It is asked for by
// whom it is about, which needs no permission to read registers.
func (s *System) Owed(ctx context.Context, caller act.Caller, ahead time.Duration) (*Owed, error) {
	now := s.Clock.Now()
	owed := &Owed{Until: now.Add(ahead)}
	err := s.DB.Read(ctx, func(r *store.Reader) error {
		actor, err := versions.ActorOf(r, caller)
		if err != nil {
			return err
		}
		_, name, _ := strings.Cut(caller.ID, "/")
		owed.As = append([]string{caller.ID, name, actor.Title}, caller.Roles...)
		owed.As = slices.DeleteFunc(owed.As, func(name string) bool { return name == "" })
		mine := func(owner string) bool {
			return versions.Owns(owner, actor) || slices.ContainsFunc(caller.Roles, func(role string) bool { return strings.EqualFold(role, owner) })
		}
		all, err := s.Desk().List(r, tasks.Query{From: now.Add(-behind), To: owed.Until}, now)
		if err != nil {
			return err
		}
		owed.Occurrences = slices.DeleteFunc(all, func(l tasks.Listed) bool {
			return l.DoneAt != nil || l.State == calendar.Missed || l.State == calendar.NotOccurring || !mine(l.Owner) && !mine(l.Responsible)
		})
		owed.Deadlines, err = s.deadlines(r, s.Kinds, time.Time{}, owed.Until, owed.As)
		return err
	})
	return owed, err
}

// Deadlines are those that stand in records of registers that are not personal,
// in the half-open interval.
func (s *System) Deadlines(ctx context.Context, caller act.Caller, from, to time.Time) (all []Deadline, err error) {
	if err := s.Allow(ctx, caller, "record.read", "records"); err != nil {
		return nil, err
	}
	kinds := slices.DeleteFunc(slices.Clone(s.Kinds), func(k *record.Kind) bool { return k.Personal })
	err = s.DB.Read(ctx, func(r *store.Reader) error {
		all, err = s.deadlines(r, kinds, from, to, nil)
		return err
	})
	return all, err
}

// mostDeadlines bounds what is listed of one deadline of one register.
const mostDeadlines = 500

// deadlines lists those in the half-open interval; a zero from does not bound it.
// owners are whose they are; nil: everybody's.
func (s *System) deadlines(r *store.Reader, kinds record.Kinds, from, to time.Time, owners []string) ([]Deadline, error) {
	all := []Deadline{}
	quoted := make([]string, len(owners))
	for i, owner := range owners {
		quoted[i] = strconv.Quote(owner)
	}
	for _, kind := range kinds {
		for _, due := range kind.Dues {
			filter := fmt.Sprintf("item.%s < timestamp(%q)", due.At, to.UTC().Format(time.RFC3339Nano))
			if !from.IsZero() {
				filter += fmt.Sprintf(" && item.%s >= timestamp(%q)", due.At, from.UTC().Format(time.RFC3339Nano))
			}
			by := ""
			if owners != nil {
				by = due.Owner
				whose := fmt.Sprintf("item.%s in [%s]", due.Owner, strings.Join(quoted, ", "))
				if due.Else != "" && slices.ContainsFunc(owners, func(owner string) bool { return strings.EqualFold(owner, due.Else) }) {
					whose += fmt.Sprintf(" || !has(item.%s)", due.Owner)
				}
				filter += " && (" + whose + ")"
			}
			if due.Open != "" {
				filter += " && (" + due.Open + ")"
			}
			if _, err := record.List(r, kind, record.Query{Filter: filter, By: by, Sort: due.At, Limit: mostDeadlines}, func(v *record.Version) error {
				one, err := deadline(v, &due)
				all = append(all, one)
				return err
			}); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", kind.Register, due.Name, err)
			}
		}
	}
	if err := policyTitles(r, all); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b Deadline) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.What, b.What))
	})
	return all, nil
}

// policyTitles names what is to be acknowledged: its title stands in the version.
func policyTitles(r *store.Reader, all []Deadline) error {
	titles := map[string]string{}
	for i := range all {
		version := all[i].version
		if version == "" {
			continue
		}
		title, known := titles[version]
		if !known {
			v, _, err := policies.Get(r, version)
			if err != nil && !errors.Is(err, record.ErrNone) {
				return fmt.Errorf("%s: %w", all[i].Ref, err)
			}
			if v != nil {
				title = v.Title
			}
			titles[version] = title
		}
		all[i].Title = title
	}
	return nil
}

// deadline reads one from a record.
func deadline(v *record.Version, due *record.Due) (Deadline, error) {
	one := Deadline{Ref: v.Ref(), What: due.What}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(v.Doc, &fields); err != nil {
		return one, fmt.Errorf("%s: %w", v.Ref(), err)
	}
	for _, name := range []string{"title", "name"} {
		if raw := fields[name]; raw != nil && one.Title == "" {
			_ = json.Unmarshal(raw, &one.Title) // another type is no title
		}
	}
	if v.Kind == policies.Acknowledgments.Name {
		if err := json.Unmarshal(fields["version"], &one.version); err != nil {
			return one, fmt.Errorf("%s: version: %w", v.Ref(), err)
		}
	}
	one.Owner = due.Else
	if raw := fields[due.Owner]; raw != nil {
		if err := json.Unmarshal(raw, &one.Owner); err != nil {
			return one, fmt.Errorf("%s: %s: %w", v.Ref(), due.Owner, err)
		}
	}
	if err := json.Unmarshal(fields[due.At], &one.At); err != nil {
		return one, fmt.Errorf("%s: %s: %w", v.Ref(), due.At, err)
	}
	return one, nil
}
