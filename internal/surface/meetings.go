package surface

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/reports"
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
	agenda := &agenda{}
	if err := s.DB.Read(ctx, func(r *store.Reader) error { return agenda.registers(r, since, now, last) }); err != nil {
		return nil, err
	}
	agenda.report(report)
	if len(agenda.topics) == 0 {
		agenda.add("Nothing new", "Nothing changed since "+since.UTC().Format(time.DateOnly)+", and nothing is open or late.", "")
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
type agenda struct {
	topics []string
	lines  map[string][]meetings.Item
}

func (a *agenda) add(topic, text, ref string) {
	if a.lines == nil {
		a.lines = map[string][]meetings.Item{}
	}
	if a.lines[topic] == nil {
		a.topics = append(a.topics, topic)
	}
	a.lines[topic] = append(a.lines[topic], meetings.Item{Topic: topic, Text: text, Ref: ref})
}

// items are the first lines of each topic, and how many more there are.
func (a *agenda) items() (all []meetings.Item) {
	for _, topic := range a.topics {
		lines := a.lines[topic]
		all = append(all, lines[:min(agendaMost, len(lines))]...)
		if more := len(lines) - agendaMost; more > 0 {
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
		a.add("The meeting before", text, meetings.Register.Name+"/"+last.ID)
	}
	q := record.Query{Filter: `item.state == "open" || item.state == "returned"`, Sort: "due_at"}
	if _, err := record.List(r, actions.Register, q, func(v *record.Version) error {
		one := &actions.Action{}
		if err := json.Unmarshal(v.Doc, one); err != nil {
			return err
		}
		a.add("Open actions", fmt.Sprintf("%s (%s, due %s%s)", one.Title, one.Owner, one.DueAt.Format(time.DateOnly), overdue(one.DueAt, now)), v.Ref())
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
		text := fmt.Sprintf("%s: %s (%s, due %s%s)", one.Severity, one.Title, one.Owner, one.DueAt.Format(time.DateOnly), overdue(one.DueAt, now))
		switch late := one.State != findings.Accepted && one.DueAt.Before(now); {
		case one.FoundAt != nil && !one.FoundAt.Before(since):
			a.add("New findings", text, v.Ref())
		case late:
			a.add("Overdue findings", text, v.Ref())
		}
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
func (a *agenda) report(report *reports.Readiness) {
	day := report.Day
	if day == nil {
		return
	}
	for _, c := range day.Changes {
		a.add("Controls that read otherwise", fmt.Sprintf("%s %s: from %s to %s", c.Control, c.Test, c.From.Words(), c.To.Words()), "control/"+c.Control)
	}
	for _, d := range day.Deviations {
		a.add("New deviations", fmt.Sprintf("%s %s: %s (%s)", d.Control, d.Test, d.Item, d.Reason), "control/"+d.Control)
	}
	for _, t := range day.Turned {
		a.add("Duties that became late or missed", fmt.Sprintf("%s: %s (%s)", t.Title, t.State, t.Responsible), "task/"+t.Occurrence)
	}
	for _, p := range day.Late {
		a.add("Late, and can still be done", fmt.Sprintf("%s (%s, until %s)", p.Title, p.Owner, p.Deadline.Format(time.DateOnly)), p.Item)
	}
	for _, p := range day.Coming {
		a.add("Becomes a deviation soon", fmt.Sprintf("%s (%s, until %s)", p.Title, p.Owner, p.Deadline.Format(time.DateOnly)), p.Item)
	}
}
