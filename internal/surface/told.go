package surface

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
)

// Kinds of the jobs that find out what people are to be told.
const (
	// TellJob reacts to events of the ledger.
	TellJob = "notification.tell"
	// WatchNotificationsJob looks at deadlines every day, half an hour before the
	// digests go out.
	WatchNotificationsJob = "notification.watch"
	// GivenUpJob tells of a job that was given up.
	GivenUpJob = "notification.job"
)

// watchBefore is how long before the digests the deadlines are looked at.
const watchBefore = 30 * time.Minute

// ScheduleNotifications hands what tells people to the runner of SCAF's own jobs,
// and what waits for other machines to another one.
func ScheduleNotifications(s *System, runner, sender *act.Runner, log *slog.Logger) error {
	desk, err := s.NotificationDesk()
	if err != nil {
		return err
	}
	before := time.Date(2000, 1, 2, desk.Rules.Hour, desk.Rules.Minute, 0, 0, time.UTC).Add(-watchBefore)
	runner.Handle(TellJob, s.react)
	runner.Handle(PolicyJob, s.followPolicies)
	runner.Handle(CourseJob, s.followCourses)
	runner.Daily(WatchNotificationsJob, jobs.Daily{Hour: before.Hour(), Minute: before.Minute(), Zone: desk.Rules.Zone}, func(ctx context.Context, _ *jobs.Job) error {
		told, err := s.TellDeadlines(ctx, act.JobCaller(WatchNotificationsJob))
		log.Info("notifications", "told", told)
		return err
	})
	runner.Handle(GivenUpJob, s.tellGivenUp)
	for _, r := range []*act.Runner{runner, sender} {
		r.OnGivenUp(GivenUpJob)
	}
	sender.Handle(notifications.DeliverJob, desk.Deliver)
	sender.Handle(notifications.DigestJob, desk.Digest)
	sender.Handle(WentJob, s.recordWent)
	return nil
}

// Sent is what one round of telling and sending came to.
type Sent struct {
	Told      int64 `json:"told"`      // notifications that are new
	Delivered int64 `json:"delivered"` // messages that were taken
	Failed    int64 `json:"failed"`    // that were given up
	Waiting   int64 `json:"waiting"`   // that wait, or are held for a digest
}

// SendNotifications does once what ScheduleNotifications lets runners do all the time.
func SendNotifications(ctx context.Context, s *System, log *slog.Logger) (*Sent, error) {
	runner := act.NewRunner(s.Door, log)
	sender := runner.Beside()
	if err := ScheduleNotifications(s, runner, sender, log); err != nil {
		return nil, err
	}
	before, err := s.sent(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range []*act.Runner{runner, sender} {
		if err := r.RunDue(ctx); err != nil {
			return nil, err
		}
	}
	now, err := s.sent(ctx)
	if err != nil {
		return nil, err
	}
	return &Sent{now.Told - before.Told, now.Delivered - before.Delivered, max(0, now.Failed-before.Failed), now.Waiting}, nil
}

func (s *System) sent(ctx context.Context) (n Sent, err error) {
	return n, s.DB.Read(ctx, func(r *store.Reader) (err error) {
		n.Told, n.Delivered, n.Failed, n.Waiting, err = notifications.Count(r)
		return err
	})
}

// recipients is the directory of notifications. It gives an address to what sends
// and to nothing else, so it is no reading of personal data.
type recipients struct {
	kinds record.Kinds
	clock clock.Clock
}

// Address implements notifications.Directory.
func (d recipients) Address(r *store.Reader, ref string) (notifications.Address, error) {
	gone := notifications.Address{Gone: true}
	kind, id, err := d.kinds.Parse(ref)
	if err != nil {
		return gone, nil //nolint:nilerr // what is no reference is nobody
	}
	switch kind {
	case people.Register:
		p, err := person(r, id)
		if p == nil || err != nil || p.Gone(d.clock.Now()) != nil {
			return gone, err
		}
		return notifications.Address{Email: p.Email}, nil
	case accounts.Register:
		a, _, err := accounts.Get(r, id)
		if errors.Is(err, record.ErrNone) {
			return gone, nil
		}
		if err != nil {
			return gone, err
		}
		if ended, err := a.Ended(r, d.clock.Now()); err != nil || ended {
			return gone, err
		}
		if strings.Contains(a.ID, "@") {
			return notifications.Address{Email: a.ID}, nil
		}
		return notifications.Address{}, nil
	}
	return gone, nil
}

// person reads one; nil where there is none.
func person(r *store.Reader, id string) (*people.Person, error) {
	v, err := record.Get(r, people.Register.Name, id)
	if errors.Is(err, record.ErrNone) {
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	p := &people.Person{}
	return p, json.Unmarshal(v.Doc, p)
}

// audience finds whom words mean, over one snapshot: a person, an account, the
// holders of a role, or those with a title.
type audience struct {
	s        *System
	r        *store.Reader
	accounts []accounts.Account // with which somebody signs in
	titles   map[string][]string
	found    map[string][]string
	unheard  []string // ids of announcements to whom nobody listens
}

func (s *System) audience(r *store.Reader) (*audience, error) {
	a := &audience{s: s, r: r, found: map[string][]string{}}
	var err error
	a.accounts, err = accounts.Open(r, s.Clock.Now())
	return a, err
}

// holders are those who hold one of some roles, each once.
func (a *audience) holders(roles ...string) (refs []string) {
	for i := range a.accounts {
		ref := a.accounts[i].Caller().ID
		if slices.ContainsFunc(a.accounts[i].Roles, func(role string) bool { return slices.Contains(roles, role) }) && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// fallback are those who are told where nobody is whom words mean, so that what
// concerns somebody concerns at least somebody.
func (a *audience) fallback() []string {
	if refs := a.holders("compliance"); len(refs) > 0 {
		return refs
	}
	return a.holders("ciso", "administrator")
}

// of are those whom an owner's words mean; where nobody does, those who look after
// what is nobody's.
func (a *audience) of(owner string) ([]string, error) {
	owner = strings.TrimSpace(owner)
	if refs, ok := a.found[owner]; ok {
		return refs, nil
	}
	refs, err := a.named(owner)
	if err == nil && len(refs) == 0 {
		refs = a.fallback()
	}
	a.found[owner] = refs
	return refs, err
}

func (a *audience) named(owner string) ([]string, error) {
	if kind, id, err := a.s.Kinds.Parse(owner); err == nil && kind == people.Register {
		p, err := person(a.r, id)
		if p == nil || err != nil || p.Gone(a.s.Clock.Now()) != nil {
			return nil, err
		}
		return []string{owner}, nil
	}
	var refs []string
	for i := range a.accounts {
		one := &a.accounts[i]
		if ref := one.Caller().ID; strings.EqualFold(owner, accounts.Register.Name+"/"+one.ID) || strings.EqualFold(owner, one.ID) ||
			slices.ContainsFunc(one.Roles, func(role string) bool { return strings.EqualFold(role, owner) }) {
			if !slices.Contains(refs, ref) {
				refs = append(refs, ref)
			}
		}
	}
	if len(refs) > 0 || owner == "" {
		return refs, nil
	}
	if a.titles == nil {
		a.titles = map[string][]string{}
		if err := eachPerson(a.r, func(p people.Person) {
			if title := strings.ToLower(strings.TrimSpace(p.Title)); title != "" && p.State == people.Active {
				a.titles[title] = append(a.titles[title], people.Register.Name+"/"+p.ID)
			}
		}); err != nil {
			return nil, err
		}
	}
	if found := a.titles[strings.ToLower(owner)]; len(found) > 0 {
		return found, nil
	}
	return a.titles[alsoCalled[strings.ToLower(owner)]], nil
}

// alsoCalled are other words of the titles by which the catalog names owners.
var alsoCalled = map[string]string{
	"chief executive": "chief executive officer", "chief executive officer": "chief executive",
	"ciso": "chief information security officer", "chief information security officer": "ciso",
	"ceo": "chief executive officer",
}

// place is a page of the portal, and what whoever opens it has to be allowed.
type place struct{ path, action string }

// pathOf is a place for a recipient: their own work, where they may not open it.
func (a *audience) pathOf(recipient string, to place) string {
	for i := range a.accounts {
		if c := a.accounts[i].Caller(); c.ID == recipient && access.Roles.Authorize(c, to.action, "") == nil {
			return to.path
		}
	}
	return "/work"
}

// page is the page of a record.
func page(kind *record.Kind, id string) place {
	to := place{"/r/" + kind.Register + "/" + url.PathEscape(id), "record.read"}
	if kind.Personal {
		to.action = kind.Name + ".read"
	}
	return to
}

// occurrencePage is the page of an occurrence of a duty.
func occurrencePage(id string) place {
	duty, date := tasks.Split(id)
	return place{"/duties/" + url.PathEscape(duty) + "/" + url.PathEscape(date), "record.read"}
}

// toEach makes a note for each of some recipients.
func toEach(n notifications.Note, to []string, path func(recipient string) string) (all []notifications.Note) {
	for _, ref := range to {
		n.Recipient, n.Path = ref, path(ref)
		all = append(all, n)
	}
	return all
}

// toOrganization makes the notes of what concerns the organisation: for the holders
// of the roles that are told, and for its own channels.
func (a *audience) toOrganization(n notifications.Note, to place) []notifications.Note {
	refs := a.holders(a.s.ToldRoles(notifications.Find(n.Kind))...)
	return toEach(n, append(refs, notifications.Organization), func(ref string) string {
		if ref == notifications.Organization {
			return to.path
		}
		return a.pathOf(ref, to)
	})
}

// day is a date as people read it in the organisation's time zone.
func (s *System) day(at time.Time) string { return at.In(s.zone()).Format("2 January 2006") }

// moment is a date with the time of day.
func (s *System) moment(at time.Time) string {
	return at.In(s.zone()).Format("2 January 2006 15:04 MST")
}

// zone is the organisation's time zone.
func (s *System) zone() *time.Location {
	zone, err := s.Config.Location()
	if err != nil {
		return time.UTC // which was checked when the configuration was read
	}
	return zone
}

// tell writes a note from a template.
func (n *told) write(template string, data map[string]any) (err error) {
	n.Title, n.Text, err = notifications.Write(template, data)
	return err
}

// told is a note in the making.
type told struct{ notifications.Note }
