package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// InstallPolicies offers texts as drafts (policies.Install).
func (s *System) InstallPolicies(ctx context.Context, caller act.Caller, texts []catalog.Policy, procedure string) (*policies.Installed, error) {
	return policies.Install(ctx, s.Door, caller, texts, procedure)
}

// PolicyDocument writes the policies in force as one Markdown document.
func (s *System) PolicyDocument(ctx context.Context, caller act.Caller, to io.Writer) (n int, err error) {
	if err := s.Allow(ctx, caller, "record.read", policies.Versions.Register); err != nil {
		return 0, err
	}
	zone, err := s.Config.Location()
	if err != nil {
		return 0, err
	}
	var all []*policies.Version
	approvers := map[string]string{}
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		if all, err = policies.Current(r); err != nil {
			return err
		}
		for _, v := range all {
			if approvers[v.ApprovedBy], err = s.called(r, v.ApprovedBy); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return 0, err
	}
	return len(all), policies.Document(to, s.Config.Organization, zone, all, approvers)
}

// called is what people call a record, and its reference: "Ann Example (person/E1)". What
// names no record, or one without a name, stays as it is.
func (s *System) called(r *store.Reader, ref string) (string, error) {
	kind, id, err := s.Kinds.Parse(ref)
	if err != nil {
		return ref, nil //nolint:nilerr // it is what else there is: somebody at the machine
	}
	v, err := record.Get(r, kind.Name, id)
	if errors.Is(err, record.ErrNone) {
		return ref, nil
	}
	if err != nil {
		return "", err
	}
	if name := kind.Caption(v.Doc); name != "" {
		return name + " (" + ref + ")", nil
	}
	return ref, nil
}

// PolicyChanges says what changed in a policy's text (policies.Changes).
func (s *System) PolicyChanges(ctx context.Context, caller act.Caller, version string, round int, all bool) (from string, lines []policies.Line, err error) {
	if err := s.Allow(ctx, caller, "record.read", policies.Versions.Name+"/"+version); err != nil {
		return "", nil, err
	}
	return from, lines, s.DB.Read(ctx, func(r *store.Reader) (err error) {
		from, lines, err = policies.Changes(r, version, round, all)
		return err
	})
}

// AskToAcknowledge asks the audience of a version in force to acknowledge it:
// those who are there and were not asked yet. It returns how many were asked. Of
// the people it gives away nothing, so it is not a reading of personal data.
func (s *System) AskToAcknowledge(ctx context.Context, caller act.Caller, version string) (int, error) {
	var v *policies.Version
	var audience []string
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		if v, _, err = policies.Get(r, version); err != nil {
			return err
		}
		members, err := audienceOf(r, v.Audience)
		for _, p := range members {
			audience = append(audience, people.Register.Name+"/"+p.ID)
		}
		return err
	}); err != nil {
		return 0, err
	}
	return policies.Campaign(ctx, s.Door, caller, v.ID, audience)
}

// PolicyJob follows what has come into force or has ended: its audience is asked, and
// what was asked about an earlier text is closed.
const PolicyJob = "policy.follow"

// following are the events that bring a text into force or end one. Retiring a policy
// ends its text.
var following = map[string][]string{typeOf(policies.Versions, "moved"): {PolicyJob}, typeOf(policies.Versions, "superseded"): {PolicyJob}}

func (s *System) followPolicies(ctx context.Context, job *jobs.Job) error {
	var to act.Reaction
	if err := json.Unmarshal(job.Payload, &to); err != nil {
		return err
	}
	announced := s.announceForce(ctx, to)
	_, err := s.AskEverybody(ctx, act.JobCaller(PolicyJob))
	return errors.Join(announced, err)
}

// announceForce announces the versions that came into force by these events. What came
// into force before SCAF announced it is not announced afterwards.
func (s *System) announceForce(ctx context.Context, by act.Reaction) error {
	var ids []string
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		return ledger.FindIn(r, ledger.Query{Type: typeOf(policies.Versions, "moved"), From: by.First, To: by.First + int64(by.Events)}, func(e *ledger.Event) error {
			id, v, err := current[policies.Version](r, e)
			if v != nil && v.AnnouncedAt != nil && v.AnnouncedAt.Equal(e.Instant()) {
				ids = append(ids, id)
			}
			return err
		})
	}); err != nil {
		return err
	}
	for _, id := range ids {
		if err := s.AnnounceVersion(ctx, act.JobCaller(PolicyJob), id); err != nil {
			return err
		}
	}
	return nil
}

// AnnounceVersion makes the announcement of a policy's version in force, to its audience
// and by the channels with which it came into force, if there is none yet.
func (s *System) AnnounceVersion(ctx context.Context, caller act.Caller, id string) error {
	var v *policies.Version
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		v, _, err = policies.Get(r, id)
		return err
	}); err != nil || v.State != policies.InForce {
		return err
	}
	return communication.Release(ctx, s.Door, caller, communication.Announcement{
		Title: "In force: " + v.Title, Audience: v.Audience, Channels: v.Channels, PolicyVersion: v.Ref(), ApprovedAt: v.ApprovedAt, ApprovedBy: v.ApprovedBy,
		Text: fmt.Sprintf("Version %d of the policy %q is in force since %s.\n\n%s\n\nYou are asked to read it, and to say within %d days that you have.",
			v.Number, v.Title, s.day(*v.EffectiveAt), v.Summary, policies.DaysToAnswer),
	})
}

// audienceOf are the people who are there and belong to an audience of policies
// or courses, by when they joined. Managers are those whom somebody
// names as manager; engineers those of a department or with a title that says
// so; executives those whose title begins with chief or is that of a president
// or director.
func audienceOf(r *store.Reader, audience string) (members []people.Person, err error) {
	in := func(people.Person) bool { return true }
	switch audience {
	case "managers":
		managers := map[string]bool{}
		if err := eachPerson(r, func(p people.Person) {
			managers[strings.ToLower(strings.TrimPrefix(p.Manager, people.Register.Name+"/"))] = true
		}); err != nil {
			return nil, err
		}
		in = func(p people.Person) bool {
			return managers[strings.ToLower(p.ID)] || p.Email != "" && managers[strings.ToLower(p.Email)]
		}
	case "engineers":
		in = func(p people.Person) bool {
			return strings.Contains(strings.ToLower(p.Department+" "+p.Title), "engineer")
		}
	case "executives":
		in = func(p people.Person) bool {
			title := strings.ToLower(p.Title)
			return strings.HasPrefix(title, "chief ") || strings.Contains(title, "president") || strings.Contains(title, "director")
		}
	}
	err = eachPerson(r, func(p people.Person) {
		if p.State != people.Left && in(p) {
			members = append(members, p)
		}
	})
	return members, err
}

// SettleLeavers closes what people who have left owed: acknowledgments, trainings,
// agreements and performance reviews. It returns how many were closed.
func (s *System) SettleLeavers(ctx context.Context, caller act.Caller) (closed int, err error) {
	gone, now := map[string]time.Time{}, s.Clock.Now()
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		return eachPerson(r, func(p people.Person) {
			if left := p.Gone(now); left != nil {
				gone[p.Ref()] = *left
			}
		})
	}); err != nil || len(gone) == 0 {
		return 0, err
	}
	for _, settle := range []func(context.Context, *act.Door, act.Caller, map[string]time.Time) (int, error){policies.Settle, training.Settle, people.Settle} {
		n, wrong := settle(ctx, s.Door, caller, gone)
		closed += n
		err = errors.Join(err, wrong)
	}
	return closed, err
}

// reminding is when people are reminded of what they were asked, before and after it
// is due.
var reminding = []time.Duration{-7 * 24 * time.Hour, -24 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour, 28 * 24 * time.Hour}

// RemindPeople reminds those who have not acknowledged what they were asked, or not
// finished what they were assigned. It returns how many reminders there were.
func (s *System) RemindPeople(ctx context.Context, caller act.Caller) (int, error) {
	asked, err := policies.Remind(ctx, s.Door, caller, reminding)
	assigned, wrong := training.Remind(ctx, s.Door, caller, reminding)
	return asked + assigned, errors.Join(err, wrong)
}

func eachPerson(r *store.Reader, visit func(people.Person)) error {
	return record.Each(r, record.Range{Kind: people.Register.Name}, func(v *record.Version) error {
		p, err := record.Parsed(r.Memo(), v.Doc, func(doc []byte) (*people.Person, error) {
			p := &people.Person{}
			return p, json.Unmarshal(doc, p)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		visit(*p)
		return nil
	})
}

// AskEverybody asks about every policy in force: whoever has joined, and
// everybody about a new version. What is in force no longer is asked no longer.
func (s *System) AskEverybody(ctx context.Context, caller act.Caller) (asked int, err error) {
	if _, err := policies.SettleSuperseded(ctx, s.Door, caller); err != nil {
		return 0, err
	}
	var all []*policies.Version
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		all, err = policies.Current(r)
		return err
	}); err != nil {
		return 0, err
	}
	for _, v := range all {
		n, err := s.AskToAcknowledge(ctx, caller, v.ID)
		asked += n
		if err != nil {
			return asked, err
		}
	}
	return asked, nil
}
