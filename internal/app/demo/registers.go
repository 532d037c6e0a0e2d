package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// as is an employee with the role of an account.
func (e *employee) as(role string) act.Caller { return act.Caller{ID: e.ref(), Roles: []string{role}} }

// keep plans what the company's registers hold: policies that are approved,
// announced and acknowledged, and risks that are assessed.
func (w *world) keep() {
	var taken []string
	for _, one := range w.Policies {
		taken = append(taken, one.Policies...)
	}
	w.plan(w.from.AddDate(0, 0, 1).Add(10*time.Hour), func(ctx context.Context) error {
		_, err := w.InstallSystems(ctx, w.officers["compliance lead"].caller())
		return err
	})
	for i := range w.Policies {
		one := &w.Policies[i]
		w.plan(one.On.at(w.zone, 10), func(ctx context.Context) error {
			var texts []catalog.Policy
			for _, text := range catalog.Policies() {
				if slices.Contains(one.Policies, text.ID) || text.Audience == one.Audience && !slices.Contains(taken, text.ID) {
					texts = append(texts, text)
				}
			}
			return w.rule(ctx, texts)
		})
	}
	w.revise(w.Revised.On, w.Revised.Policies, w.Revised.Added)
	w.campaign()
	for i, e := range w.people { // who is there reads on one of the next working days
		e.reads = w.from.AddDate(0, 0, 1+i%14).Add(time.Duration(9*60+i) * time.Minute)
		w.plan(e.reads, func(ctx context.Context) error { return w.acknowledge(ctx, e) })
	}
	for day := w.from.AddDate(0, 0, 26); day.Before(w.End.at(w.zone, 0)); day = day.AddDate(0, 0, 10) { // and later, what was added
		w.plan(day.Add(13*time.Hour), func(ctx context.Context) error {
			for _, e := range w.people {
				if now := w.clock.Now(); e.reads.Before(now) && (e.gone.IsZero() || e.gone.After(now)) {
					if err := w.acknowledge(ctx, e); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	for i := range w.Risks {
		w.plan(w.from.Add(time.Duration(11*60+i)*time.Minute), func(ctx context.Context) error { return w.rate(ctx, i) })
	}
	for day := w.from.AddDate(0, 0, 19); day.Before(w.to); day = day.AddDate(0, 1, 0) {
		w.plan(day.Add(15*time.Hour), w.rateAgain)
	}
}

// revise plans that policies come into force with more at the end of their texts.
func (w *world) revise(on date, ids []string, added string) {
	w.plan(on.at(w.zone, 10), func(ctx context.Context) error {
		var texts []catalog.Policy
		for _, text := range catalog.Policies() {
			if slices.Contains(ids, text.ID) {
				text.File = slices.Concat(text.File, []byte("\n"+added+"\n"))
				texts = append(texts, text)
			}
		}
		return w.rule(ctx, texts)
	})
}

// campaign plans the questions that are not all answered when the demonstration ends.
func (w *world) campaign() {
	c := &w.Campaign
	w.revise(c.On, c.Policies, c.Added)
	w.plan(c.Refuses.On.at(w.zone, 9), func(ctx context.Context) error {
		for i, e := range w.people {
			switch {
			case !e.gone.IsZero() && e.gone.Before(w.clock.Now()):
			case i == c.Refuses.Person:
				if err := w.answer(ctx, e, policies.Refused, map[string]any{"reason": c.Refuses.Reason}); err != nil {
					return err
				}
			case i%c.Unread > 0:
				if err := w.acknowledge(ctx, e); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// rateAgain reviews the risks whose review is due in the next twelve days.
func (w *world) rateAgain(ctx context.Context) error {
	due, err := listed[risks.Risk](ctx, w, risks.Register, fmt.Sprintf("item.state == %q && item.due_at < timestamp(%q)", risks.Assessed, w.clock.Now().AddDate(0, 0, 12).UTC().Format(time.RFC3339)))
	if err != nil {
		return err
	}
	for _, r := range due {
		if _, err := w.MoveRecord(ctx, w.officers["compliance lead"].caller(), risks.Register, r.ID, record.AnyVersion, risks.Assessed, nil); err != nil {
			return fmt.Errorf("%s: %w", r.ID, err)
		}
	}
	return nil
}

// rule brings policies into force and asks their audiences.
func (w *world) rule(ctx context.Context, texts []catalog.Policy) error {
	keeper, approver := w.officers["compliance lead"].caller(), w.officers["chief executive officer"].as("executive")
	installed, err := w.InstallPolicies(ctx, keeper, texts, "handbook")
	if err != nil {
		return err
	}
	if len(texts) == 0 || len(installed.Versions) != len(texts) {
		return fmt.Errorf("company.yaml: of %d policies %d are new", len(texts), len(installed.Versions))
	}
	for _, id := range installed.Versions {
		for _, step := range []struct {
			caller act.Caller
			state  string
			fields map[string]any
		}{
			{keeper, policies.InReview, nil},
			{approver, policies.Approved, nil},
			{keeper, policies.InForce, map[string]any{"channels": []string{"portal", "meeting"}}},
		} {
			fields, err := asFields(step.fields)
			if err != nil {
				return err
			}
			if _, err := w.MoveRecord(ctx, step.caller, policies.Versions, id, record.AnyVersion, step.state, fields); err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
		}
	}
	for _, id := range installed.Versions {
		if err := w.announce(ctx, id); err != nil {
			return err
		}
	}
	return w.ask(ctx)
}

// announce announces a policy's version in force. Nothing is sent in a demonstration: the
// keeper says by what message it went out.
func (w *world) announce(ctx context.Context, version string) error {
	if err := w.AnnounceVersion(ctx, act.JobCaller(surface.PolicyJob), version); err != nil {
		return fmt.Errorf("%s: %w", version, err)
	}
	var made *communication.Announcement
	if err := w.DB.Read(ctx, func(r *store.Reader) error {
		_, err := record.List(r, communication.Announcements, record.Query{Filter: fmt.Sprintf("item.policy_version == %q", policies.Versions.Name+"/"+version)}, func(v *record.Version) error {
			made = &communication.Announcement{}
			return json.Unmarshal(v.Doc, made)
		})
		return err
	}); err != nil {
		return fmt.Errorf("%s: %w", version, err)
	}
	var deliveries []communication.Delivery
	for _, channel := range made.Channels {
		deliveries = append(deliveries, communication.Delivery{Channel: channel, At: made.ReleasedAt, Reference: "the announcement of " + version})
	}
	fields, err := asFields(map[string]any{"deliveries": deliveries})
	if err != nil {
		return err
	}
	_, err = w.MoveRecord(ctx, w.officers["compliance lead"].caller(), communication.Announcements, made.ID, record.AnyVersion, communication.Delivered, fields)
	return err
}

// ask asks everybody about the policies who was not asked yet.
func (w *world) ask(ctx context.Context) error {
	if w.clock.Now().Before(w.from.Add(10 * time.Hour)) {
		return nil
	}
	_, err := w.AskEverybody(ctx, w.officers["compliance lead"].caller())
	return err
}

// acknowledge is somebody's day of reading: everything that they were asked.
func (w *world) acknowledge(ctx context.Context, e *employee) error {
	return w.answer(ctx, e, policies.Acknowledged, nil)
}

// answer is what somebody answers to everything that they were asked.
func (w *world) answer(ctx context.Context, e *employee, state string, values map[string]any) error {
	var asked []*policies.Acknowledgment
	if err := w.DB.Read(ctx, func(r *store.Reader) (err error) {
		asked, err = policies.AcknowledgmentsOf(r, e.ref())
		return err
	}); err != nil {
		return err
	}
	fields, err := asFields(values)
	if err != nil {
		return err
	}
	for _, one := range asked {
		if one.State != policies.Asked {
			continue
		}
		if _, err := w.MoveRecord(ctx, e.as("account"), policies.Acknowledgments, one.ID, record.AnyVersion, state, fields); err != nil {
			return fmt.Errorf("%s: %w", one.ID, err)
		}
	}
	return nil
}

// rate puts a risk into the register and assesses it.
func (w *world) rate(ctx context.Context, i int) error {
	r := w.Risks[i]
	owner := w.officers[r.Owner]
	caller := w.officers["compliance lead"].caller()
	due := r.Due.at(w.zone, 0)
	fields, err := asFields(map[string]any{
		"title": r.Title, "category": r.Category, "owner": owner.ref(), "likelihood": r.Inherent[0], "impact": r.Inherent[1],
		"residual_likelihood": r.Residual[0], "residual_impact": r.Residual[1], "response": r.Response, "treatment": r.Treatment,
		"controls": r.Controls, "due_at": due.UTC(),
	})
	if err != nil {
		return err
	}
	made, err := w.AddRecord(ctx, caller, risks.Register, fields)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Title, err)
	}
	assess := func(ctx context.Context) error {
		_, err := w.MoveRecord(ctx, caller, risks.Register, made.ID, record.AnyVersion, risks.Assessed, nil)
		return err
	}
	if err := assess(ctx); err != nil || r.Accepted == "" {
		return err
	}
	accepted, err := asFields(map[string]any{"accepted_until": w.from.AddDate(1, 0, 0).UTC(), "accepted_reason": r.Accepted})
	if err != nil {
		return err
	}
	_, err = w.MoveRecord(ctx, w.officers["chief executive officer"].as("administrator"), risks.Register, made.ID, record.AnyVersion, risks.Accepted, accepted)
	return err
}
