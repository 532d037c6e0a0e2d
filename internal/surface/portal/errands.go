package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// errandButton is what can be asked for on the page of a register.
type errandButton struct{ Action, Button string }

// errandOf is the errand that belongs to a register; nil: none does, or the reader may
// not ask for it.
func errandOf(r *request) *errandButton {
	switch {
	case r.kind == regulations.Feeds && r.may("regulatory_feed.fetch"):
		return &errandButton{"/feeds/fetch", "Read the feeds now"}
	case r.kind == hris.Reconciliations && r.may("hris.reconcile"):
		return &errandButton{"/hris/reconcile", "Compare now"}
	}
	return nil
}

// errandsPage says how the work stands that somebody asked for.
type errandsPage struct {
	Lines []errandLine
	Again bool // something is under way
	Wrong string
}

type errandLine struct {
	surface.Errand
	*jobs.Standing

	Controls []string // that are tested
	AskedBy  string   // empty: the calendar
	Waits    bool     // it is begun soon, or being done
	Outcome  string   // what came of it, where that can be said in a few words
	Leads    string   // where what comes of it is seen
}

func (p *Portal) errands(r *request) (*shown, error) { return p.errandsWith(r, "") }

func (p *Portal) errandsWith(r *request, wrong string) (*shown, error) {
	page := &errandsPage{Wrong: wrong}
	last, err := p.System.LastErrands(r.Context())
	if err != nil {
		return nil, err
	}
	for _, e := range surface.Errands {
		job := last[e.Job]
		if job == nil {
			continue
		}
		var asked struct {
			Controls []string `json:"controls"`
			AskedBy  string   `json:"asked_by"`
		}
		if err := json.Unmarshal(job.Payload, &asked); err != nil {
			return nil, err
		}
		line := errandLine{Errand: e, Standing: job, Controls: asked.Controls, AskedBy: asked.AskedBy, Waits: job.State == jobs.Waiting}
		switch e.Job {
		case surface.TestJob:
			line.Leads = "/r/results"
		case surface.FeedsJob:
			line.Leads = at(regulations.Feeds)
			if line.Outcome, err = p.feedsRead(r); err != nil {
				return nil, err
			}
		default:
			line.Leads = at(hris.Reconciliations)
		}
		page.Again = page.Again || line.Waits && wrong == "" && line.RunAt.Before(p.System.Clock.Now().Add(time.Minute))
		page.Lines = append(page.Lines, line)
	}
	answer := &shown{page: "errands", title: "Work under way", data: page}
	if wrong != "" {
		answer.status = http.StatusUnprocessableEntity
	}
	return answer, nil
}

// feedsRead says how many of the feeds could be read the last time; empty: none was tried.
func (p *Portal) feedsRead(r *request) (outcome string, err error) {
	return outcome, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		read, failed, err := regulations.Standing(reader)
		if read+failed > 0 {
			outcome = fmt.Sprintf("Last time: %d read, %d failed", read, failed)
		}
		return err
	})
}

// runErrand asks for an errand, and goes to where it is seen how it stands.
func runErrand(job string) func(*Portal, *request) (*shown, error) {
	return func(p *Portal, r *request) (*shown, error) {
		var chosen []string
		if id := r.PostForm.Get("control"); id != "" {
			chosen = []string{id}
		}
		err := p.System.RunErrand(r.Context(), r.caller, job, chosen...)
		switch {
		case errors.Is(err, surface.ErrNoHRIS):
			return p.errandsWith(r, ownWords(err))
		case errors.Is(err, surface.ErrNoControl):
			return nil, errNotFound
		case err != nil && !errors.Is(err, surface.ErrUnderWay):
			return nil, err
		}
		return &shown{to: "/errands"}, nil
	}
}

// prepareMeeting makes the agenda of a meeting, or makes it again.
func (p *Portal) prepareMeeting(r *request) (*shown, error) {
	r.kind = meetings.Register
	if _, err := p.System.PrepareMeeting(r.Context(), r.caller, r.PathValue("id")); err != nil {
		if errors.Is(err, record.ErrNone) || errors.Is(err, act.ErrDenied) {
			return nil, err
		}
		return p.recordWith(r, err, "")
	}
	return &shown{to: at(meetings.Register, r.PathValue("id"))}, nil
}

// preparePath is where the agenda of a planned meeting is made, for whoever may; empty
// for other records.
func preparePath(r *request, v *record.Version) string {
	var m struct{ State string }
	if r.kind != meetings.Register || json.Unmarshal(v.Doc, &m) != nil || m.State != meetings.Planned || !r.may("meeting.prepare") {
		return ""
	}
	return "/meetings/" + url.PathEscape(v.ID) + "/prepare"
}

// installSystems proposes the catalog's systems; what is there is left as it is.
func (p *Portal) installSystems(r *request) (*shown, error) {
	_, err := p.System.InstallSystems(r.Context(), r.caller)
	return &shown{to: at(systems.Register)}, err
}

// installPolicies offers the catalog's texts as drafts; what is there is left as it is.
func (p *Portal) installPolicies(r *request) (*shown, error) {
	done, err := p.System.InstallPolicies(r.Context(), r.caller, catalog.Policies(), "")
	if err != nil {
		return nil, err
	}
	if len(done.Versions) == 0 {
		return &shown{to: "/policies?installed=none"}, nil
	}
	return &shown{to: "/r/policy_versions?f.state=draft"}, nil
}
