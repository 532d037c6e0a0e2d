package surface_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/surface"
)

func person(id string) act.Caller {
	return act.Caller{ID: "person/" + id, Roles: []string{"administrator"}}
}

func (f *firm) saw(resource, at string, outcome observations.Outcome) {
	f.t.Helper()
	o := observations.Observation{Resource: resource, Check: "tls", Source: "probe", Query: resource, Outcome: outcome}
	switch outcome {
	case observations.Read:
		o.Value = json.RawMessage(`{"protocol":"TLS 1.3"}`)
	case observations.Failed:
		o.Reason = "no answer"
	}
	var err error
	if o.ObservedAt, err = time.Parse(time.RFC3339, at); err == nil {
		_, err = observations.Record(context.Background(), f.Door, apptest.Operator, o)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// A reading speaks for its interval; what nobody reads again within it is named
// before the gap begins.
func TestReadingsThatLapseAreNamed(t *testing.T) {
	apptest.Each(t, func(t *testing.T, folder *apptest.Folder) {
		f := openFirm(t, folder)
		f.at("2026-02-28T10:00:00Z")
		f.saw("tls://a", "2026-02-28T08:00:00Z", observations.Read)
		f.saw("tls://a", "2026-02-28T09:00:00Z", observations.Failed) // which says nothing
		f.saw("tls://gone", "2026-02-28T07:00:00Z", observations.Read)
		f.saw("tls://gone", "2026-02-28T08:00:00Z", observations.Absent)
		f.saw("tls://never", "2026-02-28T08:00:00Z", observations.Failed)
		f.saw("tls://old", "2026-02-20T08:00:00Z", observations.Read) // a gap already
		coming := func(days int) []*reports.Pending {
			return slices.DeleteFunc(f.report(surface.ReadinessQuery{Days: days}).Day.Coming, func(p *reports.Pending) bool { return !strings.HasPrefix(p.Item, "tls://") })
		}
		got := coming(2)
		if len(got) != 1 || got[0].Item != "tls://a" || got[0].Deadline.Format(time.RFC3339) != "2026-03-01T20:00:00Z" || got[0].Owner != "infrastructure lead" ||
			!slices.Equal(got[0].Tests, []string{"ENC-01 endpoints"}) || got[0].Command() != "scaf observation record --resource tls://a" {
			t.Errorf("%+v", got)
		}
		if got := coming(1); len(got) != 0 {
			t.Errorf("it speaks for a day and a half: %+v", got)
		}
		f.saw("tls://a", "2026-02-28T10:00:00Z", observations.Read)
		if got := coming(2); len(got) != 1 || got[0].Deadline.Format(time.RFC3339) != "2026-03-01T22:00:00Z" {
			t.Errorf("read again: %+v", got)
		}
		// What comes after the period's end is no gap of it.
		f.at("2026-06-30T20:00:00Z")
		f.saw("tls://a", "2026-06-30T19:00:00Z", observations.Read)
		if got := coming(7); len(got) != 0 {
			t.Errorf("at the period's end: %+v", got)
		}
	})
}

// A document that is due is named until somebody other than its preparer has
// accepted it.
func TestDocumentsThatFallDueAreNamed(t *testing.T) {
	apptest.Each(t, func(t *testing.T, folder *apptest.Folder) {
		f, ctx := openFirm(t, folder), context.Background()
		named := func() (coming, late *reports.Pending) {
			t.Helper()
			day := f.report(surface.ReadinessQuery{}).Day
			of := func(list []*reports.Pending) *reports.Pending {
				return find(slices.DeleteFunc(slices.Clone(list), func(p *reports.Pending) bool { return !slices.Contains(p.Tests, "GOV-01 meetings") }), "document 2026-Q1")
			}
			return of(day.Coming), of(day.Late)
		}
		f.at("2026-04-20T10:00:00Z") // the quarter is over, and 30 days of grace run
		if coming, late := named(); coming != nil || late != nil {
			t.Errorf("more than a week ahead: %+v %+v", coming, late)
		}
		f.at("2026-04-28T10:00:00Z")
		coming, late := named()
		if coming == nil || late != nil || coming.Deadline.Format(time.RFC3339) != "2026-05-01T00:00:00Z" || coming.Due.Format(time.RFC3339) != "2026-04-01T00:00:00Z" ||
			coming.Owner != "chief executive" || coming.Command() != "scaf evidence add FILE --control GOV-01 --test meetings" {
			t.Errorf("%+v %+v", coming, late)
		}
		e, err := documents.Add(ctx, f.Door, f.Blobs, person("E2"), documents.Evidence{
			Control: "GOV-01", Test: "meetings", File: "m", Source: "s", Query: "q", From: f.period.From, To: time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC),
		}, strings.NewReader("minutes"))
		if err != nil {
			t.Fatal(err)
		}
		if coming, _ := named(); coming == nil || coming.Command() != "scaf evidence review "+e.ID {
			t.Errorf("nobody has read it: %+v", coming)
		}
		f.at("2026-05-02T10:00:00Z")
		if coming, late := named(); coming != nil || late == nil {
			t.Errorf("after its date: %+v %+v", coming, late)
		}
		if _, err := documents.Conclude(ctx, f.Door, person("E3"), e.ID, controltests.Accepted, "all there"); err != nil {
			t.Fatal(err)
		}
		if coming, late := named(); coming != nil || late != nil {
			t.Errorf("accepted: %+v %+v", coming, late)
		}
	})
}

const leavers = `id: OWN-02
title: Leavers lose their access
criteria: [CC6.2]
owner: OWNER
frequency: daily
tests:
  - id: leavers
    kind: occurrence
    title: Their access ends
    population: {from: people, where: has(item.left_at), at: item.left_at}
    due: item.left_at
    done: item.access_ended_at
    grace: GRACE
`

// What comes is read by the version that is in force, whatever the file in use
// says by now.
func TestWhatComesIsReadByTheVersionInForce(t *testing.T) {
	f, ctx := openFirm(t, apptest.New(t, config.Config{})), context.Background()
	write := func(owner, grace string) *controls.Control {
		t.Helper()
		dir := filepath.Join(f.Dir, surface.ControlsDir)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(strings.NewReplacer("OWNER", owner, "GRACE", grace).Replace(leavers)), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := f.Control("OWN-02")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := write("people lead", "24h")
	v, err := f.VersionDesk().Propose(ctx, person("E2"), first, f.period.From)
	if err == nil {
		_, err = f.VersionDesk().Approve(ctx, person("E3"), "OWN-02", v.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	write("somebody else", "240h")
	f.at("2026-02-27T12:00:00Z")
	f.set("E2", "left_at", "2026-02-27T12:00:00Z")
	pending := slices.DeleteFunc(f.report(surface.ReadinessQuery{}).Day.Coming, func(p *reports.Pending) bool { return !slices.Contains(p.Tests, "OWN-02 leavers") })
	if len(pending) != 1 || pending[0].Owner != "people lead" || pending[0].Deadline.Format(time.RFC3339) != "2026-02-28T12:00:00Z" {
		t.Errorf("%+v", pending)
	}
}

// Approvals and assessments that are missing are gaps, with who can do it and
// the command, of controls that can be tested only.
func TestMissingDecisionsAreGaps(t *testing.T) {
	apptest.Each(t, func(t *testing.T, folder *apptest.Folder) {
		f, ctx := openFirm(t, folder), context.Background()
		f.at("2026-02-28T10:00:00Z")
		gap := func(kind, control string) *results.Missing {
			t.Helper()
			all, err := f.Missing(ctx, f.period)
			if err != nil {
				t.Fatal(err)
			}
			if i := slices.IndexFunc(all, func(m results.Missing) bool { return m.Kind == kind && m.Control == control }); i >= 0 {
				return &all[i]
			}
			return nil
		}
		want := func(kind, who, command string) {
			t.Helper()
			m := gap(kind, "CHG-01")
			if m == nil || m.Who != who || m.Command != command {
				t.Errorf("%s: %+v, want %q by %q", kind, m, command, who)
			}
		}
		c, err := f.Control("CHG-01")
		if err != nil {
			t.Fatal(err)
		}
		const approving, assessing = "administrator, ciso, compliance, executive; not ", "administrator, ciso, compliance; not "
		want(results.MissingApproval, approving+c.Owner+", the owner", "scaf control adopt CHG-01")
		if m := gap(results.MissingAssessment, "CHG-01"); m != nil {
			t.Errorf("of what no version is in force, none is to be assessed: %+v", m)
		}
		v, err := f.VersionDesk().Propose(ctx, person("E2"), c, f.period.From)
		if err != nil {
			t.Fatal(err)
		}
		want(results.MissingApproval, approving+"person/E2, who proposed it", "scaf control approve CHG-01 --version CHG-01.1")
		if _, err := f.VersionDesk().Approve(ctx, person("E3"), "CHG-01", v.ID); err != nil {
			t.Fatal(err)
		}
		if m := gap(results.MissingApproval, "CHG-01"); m != nil {
			t.Errorf("%+v", m)
		}
		want(results.MissingAssessment, assessing+c.Owner+", the owner", "scaf control assess CHG-01 --version CHG-01.1")
		if _, err := f.VersionDesk().Assess(ctx, person("E3"), versions.Assessment{
			Control: "CHG-01", Risk: "r", Precision: "p", Walkthrough: "event/0", Conclusion: controltests.Effective, Reason: "r",
		}); err != nil {
			t.Fatal(err)
		}
		if m := gap(results.MissingAssessment, "CHG-01"); m != nil {
			t.Errorf("%+v", m)
		}
		// One that waits for its register is not tested, whoever approves it.
		all, err := f.Controls()
		if err != nil {
			t.Fatal(err)
		}
		waiting := slices.IndexFunc(all, func(c *controls.Control) bool {
			return len(c.Tests) > 0 && !slices.ContainsFunc(c.Tests, func(test *controls.Test) bool { return !test.Population.Awaited })
		})
		if waiting < 0 {
			t.Fatal("no control waits for its register any more: leave this out")
		}
		if m := gap(results.MissingApproval, all[waiting].ID); m != nil {
			t.Errorf("%+v", m)
		}
	})
}
