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
	Ref   string `json:"ref"`
	Title string `json:"title,omitempty"`
	What  string `json:"what"`
	// At is until when it can be done: the end of a day, where only the day counts (Day).
	At    time.Time `json:"at"`
	Day   bool      `json:"day,omitempty"`
	Owner string    `json:"owner"`

	written time.Time // as it stands in the record
	version string    // of an acknowledgment: what is to be acknowledged
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
	// Own are duties that SCAF does itself, nobody can do for it, and are late.
	Own []OwnDuty `json:"own,omitempty"`
	// More are the deadlines of which only the first 500 are listed, by what is to be done.
	More []string `json:"more,omitempty"`
	// Lists are the lists of all of those.
	Lists []DeadlineList `json:"-"`
	Until time.Time      `json:"until"`
}

// DeadlineList is the list of those records of a kind of which a deadline is somebody's.
type DeadlineList struct {
	Kind   *record.Kind
	Due    *record.Due
	Filter string // CEL
}

// OwnDuty is a duty that SCAF does itself, with how many of its occurrences are late.
type OwnDuty struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Late  int    `json:"late"`
}

// behind is how far back undone occurrences are looked for: a late one of a yearly
// duty is younger.
const behind = 400 * 24 * time.Hour

// Owed is what the caller has to do up to some time from now. It is asked for by
// whom it is about, which needs no permission to read registers.
func (s *System) Owed(ctx context.Context, caller act.Caller, ahead time.Duration) (*Owed, error) {
	now := s.Clock.Now()
	owed := &Owed{Until: now.Add(ahead).Truncate(15 * time.Minute)} // what asks for it stays the same as long
	err := s.DB.Read(ctx, func(r *store.Reader) error {
		actor, err := versions.ActorOf(r, caller)
		if err != nil {
			return err
		}
		_, name, _ := strings.Cut(caller.ID, "/")
		owed.As = append([]string{caller.ID, name, actor.Title}, caller.Roles...)
		owed.As = slices.DeleteFunc(owed.As, func(name string) bool { return name == "" })
		mine := func(owner string) bool {
			return answersFor(owner, actor)
		}
		all, err := s.Desk().List(r, tasks.Query{From: now.Add(-behind), To: owed.Until}, now)
		if err != nil {
			return err
		}
		owed.Occurrences = slices.DeleteFunc(all, func(l tasks.Listed) bool {
			return l.DoneAt != nil || l.State == calendar.Missed || l.State == calendar.NotOccurring || !mine(l.Owner) && !mine(l.Responsible)
		})
		if err := s.own(r, owed); err != nil {
			return err
		}
		owed.Deadlines = []Deadline{}
		if err := s.eachDue(func(kind *record.Kind, due *record.Due) error {
			if total, err := record.Total(r, kind); err != nil || total == 0 {
				return err
			}
			listed, more, err := s.deadlines(r, kind, due, time.Time{}, owed.Until, owed.As, mostDeadlines)
			if owed.Deadlines = append(owed.Deadlines, listed...); more {
				owed.More = append(owed.More, due.What)
				owed.Lists = append(owed.Lists, DeadlineList{kind, due, s.endingOf(kind, due, time.Time{}, owed.Until, owed.As)})
			}
			return err
		}); err != nil {
			return err
		}
		slices.SortFunc(owed.Deadlines, func(a, b Deadline) int {
			return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.What, b.What))
		})
		return nil
	})
	return owed, err
}

// own takes out of what somebody owes the duties that SCAF does itself.
func (s *System) own(r *store.Reader, owed *Owed) error {
	all, err := s.Desk().All(r)
	if err != nil {
		return err
	}
	itself := map[string]bool{}
	for _, t := range all {
		itself[t.ID] = t.PerformedBy != ""
	}
	owed.Occurrences = slices.DeleteFunc(owed.Occurrences, func(l tasks.Listed) bool {
		duty, _ := tasks.Split(l.ID)
		if !itself[duty] {
			return false
		}
		if l.State == calendar.Late {
			at := slices.IndexFunc(owed.Own, func(one OwnDuty) bool { return one.ID == duty })
			if at < 0 {
				at = len(owed.Own)
				owed.Own = append(owed.Own, OwnDuty{ID: duty, Title: l.Title})
			}
			owed.Own[at].Late++
		}
		return true
	})
	return nil
}

// OwnersOf are those whom records' own deadlines name, by the references of the records: who
// has to do something about them. Others, and what is no record, are left out.
func (s *System) OwnersOf(ctx context.Context, refs []string) (map[string]string, error) {
	ids := map[*record.Kind][]string{}
	for _, ref := range refs {
		if kind, id, err := s.Kinds.Parse(ref); err == nil && kind.Name+"/"+id == ref && len(kind.Dues) > 0 {
			ids[kind] = append(ids[kind], id)
		}
	}
	owners := map[string]string{}
	return owners, s.DB.Read(ctx, func(r *store.Reader) error {
		for kind, all := range ids {
			for part := range slices.Chunk(all, act.MaxBatch) {
				docs, err := record.Current(r, kind.Name, part)
				if err != nil {
					return err
				}
				for id, doc := range docs {
					var fields map[string]json.RawMessage
					if err := json.Unmarshal(doc, &fields); err != nil {
						return fmt.Errorf("%s/%s: %w", kind.Name, id, err)
					}
					for i := range kind.Dues {
						var owner string
						if json.Unmarshal(fields[kind.Dues[i].Owner], &owner) == nil && owner != "" {
							owners[kind.Name+"/"+id] = owner
							break
						}
					}
				}
			}
		}
		return nil
	})
}

// Falling are the deadlines of one kind, in one register, that are on a day.
type Falling struct {
	Kind  *record.Kind
	Due   *record.Due
	Count int64
	Each  []Deadline // all of them, or none where there are too many to list
}

// mostDeadlines bounds what is listed of one deadline of one register.
const mostDeadlines = 500

// Falling counts the deadlines that stand in records, day by day: days are the beginnings of
// some days on end, and the end of the last. Where at most few are on a day they are listed,
// too. Of what is personal nothing is said but what Overdue says.
func (s *System) Falling(ctx context.Context, caller act.Caller, days []time.Time, few int64) ([][]Falling, error) {
	if err := s.Allow(ctx, caller, "record.read", "records"); err != nil {
		return nil, err
	}
	all := make([][]Falling, len(days)-1)
	return all, s.DB.Read(ctx, func(r *store.Reader) error {
		return s.eachDue(func(kind *record.Kind, due *record.Due) error {
			field, zone := kind.Field(due.At), s.zone()
			begins := make([]time.Time, len(days))
			for i, day := range days {
				begins[i] = field.Passed(day, zone)
			}
			counts, err := record.Spread(r, kind, due.Open, due.At, begins)
			if err != nil {
				return err
			}
			return s.falling(r, all, counts, kind, due, days, few)
		})
	})
}

// eachDue visits the deadlines that registers have, and names the one that fails.
func (s *System) eachDue(visit func(kind *record.Kind, due *record.Due) error) error {
	for _, kind := range s.Kinds {
		for i := range kind.Dues {
			if err := visit(kind, &kind.Dues[i]); err != nil {
				return fmt.Errorf("%s, %s: %w", kind.Register, kind.Dues[i].Name, err)
			}
		}
	}
	return nil
}

// Overdue are the deadlines that stand in records and have passed by an instant, to the
// quarter of an hour: how many, and the first few of each, if any, the oldest before the others.
// Of what is personal nothing is said but the number of the record, what is to be done,
// until when, and by whom, so that no reading of it is recorded.
func (s *System) Overdue(ctx context.Context, caller act.Caller, now time.Time, few int) (all []Falling, err error) {
	if err := s.Allow(ctx, caller, "record.read", "records"); err != nil {
		return nil, err
	}
	now = now.Truncate(15 * time.Minute)
	return all, s.DB.Read(ctx, func(r *store.Reader) error {
		return s.eachDue(func(kind *record.Kind, due *record.Due) error {
			field := kind.Field(due.At)
			counts, err := record.Spread(r, kind, due.Open, due.At, []time.Time{{}, field.Passed(now, s.zone())})
			if err != nil || counts[0] == 0 {
				return err
			}
			if few == 0 {
				all = append(all, Falling{Kind: kind, Due: due, Count: counts[0]})
				return nil
			}
			first, err := record.Kept(r, kind, firstKey{kind.Name, due.Name, few}, func() ([]Deadline, error) {
				first, _, err := s.first(r, kind, due, record.Query{Filter: due.Open, Limit: few})
				return first, err
			})
			if err != nil {
				return err
			}
			passed, _ := slices.BinarySearchFunc(first, field.Passed(now, s.zone()), func(d Deadline, at time.Time) int { return d.written.Compare(at) })
			listed := slices.Clone(first[:passed])
			if err := policyTitles(r, listed); err != nil {
				return err
			}
			unsaid(kind, listed)
			all = append(all, Falling{Kind: kind, Due: due, Count: counts[0], Each: listed})
			return nil
		})
	})
}

// unsaid takes out of deadlines what a personal register says of its records.
func unsaid(kind *record.Kind, listed []Deadline) {
	for i := range listed {
		if kind.Personal {
			listed[i].Title = ""
		}
	}
}

// falling adds what was counted of one deadline, and lists it where there are few.
func (s *System) falling(r *store.Reader, all [][]Falling, counts []int64, kind *record.Kind, due *record.Due, days []time.Time, few int64) error {
	var sum int64
	for day, n := range counts {
		if sum += n; n > 0 {
			all[day] = append(all[day], Falling{Kind: kind, Due: due, Count: n})
		}
	}
	if sum == 0 || sum > mostDeadlines {
		return nil
	}
	listed, _, err := s.deadlines(r, kind, due, days[0], days[len(days)-1], nil, mostDeadlines)
	if err != nil {
		return err
	}
	unsaid(kind, listed)
	for day := range all {
		if last := len(all[day]) - 1; counts[day] > 0 && counts[day] <= few {
			all[day][last].Each = slices.Clone(listed[:counts[day]])
		}
		listed = listed[counts[day]:]
	}
	return nil
}

// deadlines lists those of a kind that end in the half-open interval, at most so many; a
// zero from does not bound it. owners are whose they are; nil: everybody's. More says that
// there are others.
func (s *System) deadlines(r *store.Reader, kind *record.Kind, due *record.Due, from, to time.Time, owners []string, most int) (all []Deadline, more bool, err error) {
	by := ""
	if owners != nil {
		by = due.Owner
	}
	all, more, err = s.first(r, kind, due, record.Query{Filter: s.endingOf(kind, due, from, to, owners), By: by, Limit: most})
	if err != nil {
		return nil, false, err
	}
	return all, more, policyTitles(r, all)
}

// endingOf is the filter of the records of which a deadline is open and ends in the half-open
// interval; owners are whose it is, nil: everybody's.
func (s *System) endingOf(kind *record.Kind, due *record.Due, from, to time.Time, owners []string) string {
	filter := s.ending(kind, due, from, to)
	if owners != nil {
		quoted := make([]string, len(owners))
		for i, owner := range owners {
			quoted[i] = strconv.Quote(owner)
		}
		whose := fmt.Sprintf("item.%s in [%s]", due.Owner, strings.Join(quoted, ", "))
		if due.Else != "" && slices.ContainsFunc(owners, func(owner string) bool { return strings.EqualFold(owner, due.Else) }) {
			whose += fmt.Sprintf(" || !has(item.%s)", due.Owner)
		}
		filter += " && (" + whose + ")"
	}
	if due.Open != "" {
		filter += " && (" + due.Open + ")"
	}
	return filter
}

// first lists the deadlines of a kind that a query keeps, the earliest first, without what is
// not of the kind: the titles of policies.
func (s *System) first(r *store.Reader, kind *record.Kind, due *record.Due, q record.Query) (all []Deadline, more bool, err error) {
	zone := s.zone()
	q.Sort, q.Valued = due.At, true
	next, err := record.List(r, kind, q, func(v *record.Version) error {
		one, err := deadline(kind, v, due, zone)
		all = append(all, one)
		return err
	})
	return all, next != "", err
}

// firstKey is of the first of the deadlines of a kind that are open, whenever they end.
type firstKey struct {
	kind, due string
	few       int
}

// ending is the filter of those deadlines that end in the half-open interval.
func (s *System) ending(kind *record.Kind, due *record.Due, from, to time.Time) string {
	field, zone := kind.Field(due.At), s.zone()
	filter := fmt.Sprintf("item.%s < timestamp(%q)", due.At, field.Passed(to, zone).UTC().Format(time.RFC3339Nano))
	if !from.IsZero() {
		filter += fmt.Sprintf(" && item.%s >= timestamp(%q)", due.At, field.Passed(from, zone).UTC().Format(time.RFC3339Nano))
	}
	return filter
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
func deadline(kind *record.Kind, v *record.Version, due *record.Due, zone *time.Location) (Deadline, error) {
	field := kind.Field(due.At)
	one := Deadline{Ref: v.Ref(), What: due.What, Day: field.Whole()}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(v.Doc, &fields); err != nil {
		return one, fmt.Errorf("%s: %w", v.Ref(), err)
	}
	one.Title = kind.Caption(v.Doc)
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
	if err := json.Unmarshal(fields[due.At], &one.written); err != nil {
		return one, fmt.Errorf("%s: %s: %w", v.Ref(), due.At, err)
	}
	one.At = field.Ends(one.written, zone)
	return one, nil
}
