package surface

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/actions"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// agendaMost is how many lines an agenda has of a topic.
const agendaMost = 20

// agendaDays is how far back the agenda of the first meeting of a series looks, and
// how far ahead that of any.
var agendaDays = map[string]int{meetings.Posture: 7, meetings.Management: 31, meetings.Oversight: 92}

// PrepareMeeting makes the agenda of a meeting that is planned: what changed since
// the meeting of its series before, what is open, and what comes. It can be made
// again until the meeting is held.
func (s *System) PrepareMeeting(ctx context.Context, caller act.Caller, id string) (*meetings.Meeting, error) {
	id = strings.TrimPrefix(id, meetings.Register.Name+"/")
	if err := s.Door.Check(ctx, caller, "meeting.prepare", meetings.Register.Name+"/"+id); err != nil {
		return nil, err
	}
	read := func(r *store.Reader) (*meetings.Meeting, error) {
		v, err := record.Get(r, meetings.Register.Name, id)
		if err != nil {
			return nil, err
		}
		m := &meetings.Meeting{}
		return m, json.Unmarshal(v.Doc, m)
	}
	var m, last *meetings.Meeting
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		if m, err = read(r); err == nil {
			last, err = meetings.Previous(r, m.Series)
		}
		return err
	}); err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	days := agendaDays[m.Series]
	if days == 0 {
		days = agendaDays[meetings.Management]
	}
	since := now.AddDate(0, 0, -days)
	if last != nil {
		since = *last.HeldAt
	}
	report, err := s.Readiness(ctx, ReadinessQuery{At: now, Since: since, Days: days})
	if err != nil {
		return nil, err
	}
	agenda := &agenda{zone: s.zone()}
	if err := s.DB.Read(ctx, func(r *store.Reader) error { return agenda.registers(r, since, now, last) }); err != nil {
		return nil, err
	}
	if err := agenda.report(ctx, s, report); err != nil {
		return nil, err
	}
	if len(agenda.topics) == 0 {
		agenda.add(meetings.Item{Topic: "Nothing new", Text: "Nothing changed since " + agenda.day(since) + ", and nothing is open or late."})
	}
	if _, err = s.Door.Do(ctx, caller, "meeting.prepare", meetings.Register.Name+"/"+id, func(tx *act.Tx) error {
		if err := meetings.Prepared(tx, id, agenda.items(), since, report.Ledger.Size); err != nil {
			return err
		}
		m, err = read(&tx.Reader)
		return err
	}); err != nil {
		return nil, err
	}
	return m, nil
}

// PrepareMeetings makes the agendas of the meetings of the coming day that have none,
// and gives how many.
func (s *System) PrepareMeetings(ctx context.Context, caller act.Caller) (n int, err error) {
	var ids []string
	now := s.Clock.Now()
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		ids, err = meetings.Unprepared(r, now, now.Add(24*time.Hour))
		return err
	}); err != nil {
		return 0, err
	}
	for _, id := range ids {
		if _, err := s.PrepareMeeting(ctx, caller, id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// agenda is the lines of one by topic, in the order in which they are talked about.
// People stand in it by their references: who reads it is shown their names, or not.
type agenda struct {
	zone   *time.Location
	topics []string
	lines  map[string][]meetings.Item
	beyond map[string]int // how many of a topic there are beside its lines
}

const newDeviations = "New deviations"

// DeviationRef names a deviation in what is written about it: result/RES-1/ITEM.
func DeviationRef(result, item string) string {
	return results.Register.Name + "/" + result + "/" + item
}

// DeviationNamed is the result and the item of a deviation that a text names so.
func DeviationNamed(text string) (result, item string, ok bool) {
	rest, ok := strings.CutPrefix(text, results.Register.Name+"/")
	if !ok {
		return "", "", false
	}
	result, item, ok = strings.Cut(rest, "/")
	return result, item, ok && result != "" && item != ""
}

func (a *agenda) add(one meetings.Item) {
	if a.lines == nil {
		a.lines = map[string][]meetings.Item{}
	}
	if a.lines[one.Topic] == nil {
		a.topics = append(a.topics, one.Topic)
	}
	a.lines[one.Topic] = append(a.lines[one.Topic], one)
}

// day is a date in the organisation's time zone.
func (a *agenda) day(at time.Time) string { return at.In(a.zone).Format(time.DateOnly) }

// items are the first lines of each topic, and how many more there are.
func (a *agenda) items() (all []meetings.Item) {
	for _, topic := range a.topics {
		lines := a.lines[topic]
		all = append(all, lines[:min(agendaMost, len(lines))]...)
		if more := len(lines) + a.beyond[topic] - min(agendaMost, len(lines)); more > 0 {
			all = append(all, meetings.Item{Topic: topic, Text: fmt.Sprintf("and %d more", more)})
		}
	}
	return all
}

// registers is what stands in registers: actions that are open, findings that are
// new or overdue.
func (a *agenda) registers(r *store.Reader, since, now time.Time, last *meetings.Meeting) error {
	if last != nil {
		text := "It decided: " + strings.Join(last.Decisions, "; ")
		if len(last.Decisions) == 0 {
			text = "It decided nothing: " + last.NoDecisions
		}
		a.add(meetings.Item{Topic: "The meeting before", Text: text, Ref: meetings.Register.Name + "/" + last.ID})
	}
	q := record.Query{Filter: `item.state == "open" || item.state == "returned"`, Sort: "due_at"}
	if _, err := record.List(r, actions.Register, q, func(v *record.Version) error {
		one := &actions.Action{}
		if err := json.Unmarshal(v.Doc, one); err != nil {
			return err
		}
		text := fmt.Sprintf("%s (due %s%s)", one.Title, a.day(*one.DueAt), overdue(one.DueAt, now))
		a.add(meetings.Item{Topic: "Open actions", Text: text, Owner: one.Owner, Ref: v.Ref()})
		return nil
	}); err != nil {
		return err
	}
	q = record.Query{Filter: `item.state != "closed" && item.state != "withdrawn"`, Sort: "due_at"}
	_, err := record.List(r, findings.Register, q, func(v *record.Version) error {
		one := &findings.Finding{}
		if err := json.Unmarshal(v.Doc, one); err != nil {
			return err
		}
		line := meetings.Item{Text: fmt.Sprintf("%s: %s (due %s%s)", one.Severity, one.Title, a.day(*one.DueAt), overdue(one.DueAt, now)), Owner: one.Owner, Ref: v.Ref()}
		switch late := one.State != findings.Accepted && one.DueAt.Before(now); {
		case one.FoundAt != nil && !one.FoundAt.Before(since):
			line.Topic = "New findings"
		case late:
			line.Topic = "Overdue findings"
		default:
			return nil
		}
		a.add(line)
		return nil
	})
	return err
}

func overdue(due *time.Time, now time.Time) string {
	if due.Before(now) {
		return ", overdue"
	}
	return ""
}

// report is what the readiness report says.
func (a *agenda) report(ctx context.Context, s *System, report *reports.Readiness) error {
	day := report.Day
	if day == nil {
		return nil
	}
	for _, c := range day.Changes {
		a.add(meetings.Item{Topic: "Controls that read otherwise", Text: fmt.Sprintf("%s %s: from %s to %s", c.Control, c.Test, c.From.Words(), c.To.Words()), Ref: "control/" + c.Control})
	}
	for _, d := range day.Deviations {
		a.add(meetings.Item{Topic: newDeviations, Text: fmt.Sprintf("%s %s (%s)", d.Control, d.Test, strings.ReplaceAll(string(d.Reason), "_", " ")), Ref: DeviationRef(d.Result, d.ID)})
	}
	if a.beyond = map[string]int{newDeviations: day.More}; day.More > 0 && len(day.Deviations) == 0 {
		a.add(meetings.Item{Topic: newDeviations, Text: "Of tests that had more than their results list"})
	}
	for _, t := range day.Turned {
		a.add(meetings.Item{Topic: "Duties that became late or missed", Text: fmt.Sprintf("%s: %s", t.Title, t.State), Owner: t.Responsible, Ref: "task/" + t.Occurrence})
	}
	reference := s.Awaited()
	for _, part := range []struct {
		topic string
		lines []*reports.Pending
	}{{"Late, and can still be done", day.Late}, {"Becomes a deviation soon", day.Coming}} {
		shown := part.lines[:min(agendaMost, len(part.lines))]
		a.beyond[part.topic] = len(part.lines) - len(shown)
		items, refs := make([]string, len(shown)), make([]string, len(shown))
		for i, p := range shown {
			items[i] = reference(p)
			refs[i] = s.RecordOf(items[i])
		}
		owners, err := s.OwnersOf(ctx, refs)
		if err != nil {
			return err
		}
		for i, p := range shown {
			who := cmp.Or(owners[refs[i]], p.Owner) // the control's owner only tests it
			a.add(meetings.Item{Topic: part.topic, Text: fmt.Sprintf("%s (until %s)", p.Title, a.day(p.Deadline)), Owner: who, Ref: items[i]})
		}
	}
	return nil
}
