//go:build bench

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/governance/actions"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/surface/api"
	"scaf.dev/scaf/internal/surface/portal"
	"scaf.dev/scaf/internal/trust/accounts"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// firstPage is what a page may have at most.
const firstPage = 150_000

// seen is a page of the portal that is measured; bare is the SQL-free baseline's
// page, the sign-in form.
var seen = []struct{ name, path string }{
	{"overview", "/"},
	{"my work", "/work"},
	{"policies", "/policies"},
	{"occurrence grid", "/duties"},
	{"calendar", "/calendar"},
	{"criteria", "/criteria"},
	{"people", "/r/people"},
	{"people of a department, by name", "/r/people?f.department=Department+7&sort=name"},
	{"risks, by what all of them lack", "/r/risks?sort=-residual_score"},
	{"one of the people", "/r/people/E000077"},
	{"risks, the highest first", "/r/risks?sort=-score"},
	{"risks of a category", "/r/risks?f.category=security&f.state=assessed"},
	{"risks of a category, the highest first", "/r/risks?f.category=security&sort=-score"},
	{"risks of two filters, by their reviews", "/r/risks?f.response=reduce&f.state=assessed&sort=due_at"},
	{"board of risks", "/r/risks?view=board"},
	{"risk map", "/risks"},
	{"a risk", "/r/risks/RSK-77"},
	{"acknowledgments", "/r/acknowledgments"},
	{"acknowledgments that are open, by day", "/r/acknowledgments?f.state=asked&sort=due_at"},
	{"acknowledgments of a policy that are open, by day", "/r/acknowledgments?f.version=policy_version/PV-3&f.state=asked&sort=due_at"},
	{"acknowledgments of a person", "/r/acknowledgments?filter=" + url.QueryEscape(`item.person == "person/E000077"`)},
	{"search", "/search?q=Risk+4711"},
	{"search in whole records", "/search?q=said+nowhere"},
}

// seenAfter are measured right after a risk was changed and an event was recorded:
// nothing that was kept of the register of risks serves any more.
var seenAfter = []struct{ name, path string }{
	{"overview, right after a change", "/"},
	{"calendar, right after a change", "/calendar"},
	{"risk map, right after a change", "/risks"},
	{"risks, the highest first, right after a change", "/r/risks?sort=-score"},
	{"board of risks, right after a change", "/r/risks?view=board"},
	{"ledger, right after a change", "/ledger"},
}

// pages measures the portal over large registers.
func pages(b *bench) {
	size, rounds := pick(b, 4_000, 100_000), pick(b, 5, 40)
	riskCount, versions := size/2, 10
	b.say("The portal over %s people, %s risks, %s acknowledgments of %d policies and 10,000 records of five other registers, asked over HTTP by somebody who is signed in and may read everything, %d times each. The time is from the request to the last byte. **Bare**: the sign-in page of the same server, which reads nothing.", count(size), count(riskCount), count(size*versions), versions, rounds)
	rows := [][]string{{"database", "page", "p50", "p95", "bare p50", "bytes", "target"}}
	for _, database := range databases {
		f := b.folder(database)
		f.open(func(s *surface.System) {
			fillRegister(b, s, size)
			fillRisks(b, s, riskCount, size)
			fillAcknowledgments(b, s, size, versions)
			fillSmall(b, s)
		})
		f.settle()
		f.open(func(s *surface.System) {
			b.say("%s: the jobs of a night over it took %s.", database.name, seconds(night(b, s)))
			get, end := browse(b, s)
			defer end()
			bare := quantile(repeat(rounds, func() { get("/signin?again") }), 0.5)
			measure := func(name, path string, before func()) {
				bytes := get(path)
				stop := b.profile(database.name + "-" + strings.NewReplacer(" ", "-", ",", "").Replace(name))
				took := make([]time.Duration, rounds)
				for i := range took {
					before()
					begin := time.Now()
					get(path)
					took[i] = time.Since(begin)
				}
				stop()
				slices.Sort(took)
				p95 := quantile(took, 0.95)
				rows = append(rows, []string{database.name, name, ms(quantile(took, 0.5)), ms(p95), ms(bare), count(bytes),
					met("p95 under 100 ms, 150 KB", p95 < pageTime && bytes < firstPage)})
			}
			for _, page := range seen {
				measure(page.name, page.path, func() {})
			}
			changes := 0
			for _, page := range seenAfter {
				measure(page.name, page.path, func() { changes++; changeRisk(b, s, changes) })
			}
			// Some are rated on an earlier scale, and at the end all but a few on that in force.
			scale(b, s)
			measure("risk map, a new scale", "/risks", func() {})
			rateOn(b, s, riskCount-20, size)
			measure("risk map, few on the old scale", "/risks", func() {})
			measure("risk map, few on the old scale, right after a change", "/risks", func() { changes++; changeRisk(b, s, changes) })
		})
	}
	b.table(rows...)
}

// put makes records of a register.
func put[T any](b *bench, s *surface.System, kind *record.Kind, n int, made func(i int) (string, T)) {
	b.Helper()
	for batch := range slices.Chunk(order(n), act.MaxBatch) {
		var changes []record.Change
		for _, i := range batch {
			id, doc := made(i)
			changes = append(changes, record.Change{Verb: "added", ID: id, Doc: doc})
		}
		if _, err := s.Door.Do(context.Background(), ledgertest.Operator, kind.Name+".add", kind.Register, func(tx *act.Tx) error {
			_, err := record.Put(tx, kind, changes...)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// fillSmall fills five registers with as many records as a search goes through whole.
func fillSmall(b *bench, s *surface.System) {
	const many = 2000
	long, at := strings.Repeat("What was seen, by whom, and what is done about it until it is settled. ", 10), time.Now().UTC().AddDate(0, 0, -30)
	due := at.AddDate(1, 0, 0)
	put(b, s, findings.Register, many, func(i int) (string, *findings.Finding) {
		f := &findings.Finding{ID: fmt.Sprintf("FND-%d", i+1), Title: fmt.Sprintf("Finding %d", i), What: long, Source: "internal", Severity: "low", Owner: "person/E000001", State: findings.Closed, ReportedBy: "person/E000002", FoundAt: &at, DueAt: &due, ClosedAt: &at, ClosedBy: "person/E000003"}
		return f.ID, f
	})
	put(b, s, regulations.Register, many, func(i int) (string, *regulations.Regulation) {
		r := &regulations.Regulation{ID: fmt.Sprintf("REG-%d", i+1), Title: fmt.Sprintf("Regulation %d", i), Kind: "law", Jurisdiction: "EU", Source: "https://example.org", Owner: "person/E000001", State: regulations.Listed, Reason: long, ListedAt: &at, DueAt: &due}
		return r.ID, r
	})
	put(b, s, actions.Register, many, func(i int) (string, *actions.Action) {
		a := &actions.Action{ID: fmt.Sprintf("ACT-%d", i+1), Title: fmt.Sprintf("Action %d", i), What: long, Owner: "person/E000001", State: actions.Done, AddedBy: "person/E000002", DueAt: &due}
		if i < 300 { // what whoever asks owes, most of it late
			mine := at.AddDate(0, 0, i%40)
			a.Owner, a.State, a.DueAt = "person/"+person(77).ID, actions.Open, &mine
		}
		return a.ID, a
	})
	put(b, s, vendors.Register, many, func(i int) (string, *vendors.Vendor) {
		v := &vendors.Vendor{ID: fmt.Sprintf("VEN-%d", i+1), Name: fmt.Sprintf("Vendor %d", i), Service: long, Category: "software", Owner: "person/E000001", State: vendors.InUse, UsedFrom: &at}
		return v.ID, v
	})
	put(b, s, systems.Assets, many, func(i int) (string, *systems.Asset) {
		a := &systems.Asset{ID: fmt.Sprintf("AST-%d", i+1), Name: fmt.Sprintf("Asset %d", i), Kind: "service", Owner: "person/E000001", Handling: long, State: systems.InUse, ListedAt: &at, DueAt: &due}
		return a.ID, a
	})
}

func fillRisks(b *bench, s *surface.System, n, people int) {
	put(b, s, risks.Register, n, risk(people, ""))
}

// risk makes a risk that is rated on a scale.
func risk(people int, on string) func(i int) (string, *risks.Risk) {
	begin := time.Now().AddDate(0, 0, -100)
	return func(i int) (string, *risks.Risk) {
		likelihood, impact := 1+i%5, 1+i/5%5
		due := begin.AddDate(0, 0, i%300).Truncate(time.Hour).UTC()
		r := &risks.Risk{
			ID: fmt.Sprintf("RSK-%d", i+1), Title: fmt.Sprintf("Risk %d", i), What: "Something happens that should not, and costs time.",
			Category: risks.Categories[i%len(risks.Categories)], Owner: fmt.Sprintf("person/E%06d", i*7%people), State: risks.Assessed,
			Likelihood: &likelihood, Impact: &impact, Response: risks.Responses[i%4], Controls: []string{"control/ACC-01"}, DueAt: &due, Scale: on,
		}
		r.Compute()
		return r.ID, r
	}
}

// changeRisk writes into one risk.
func changeRisk(b *bench, s *surface.System, n int) {
	b.Helper()
	_, err := s.SetRecord(context.Background(), ledgertest.Operator, risks.Register, "RSK-"+strconv.Itoa(n), record.AnyVersion, map[string]json.RawMessage{
		"what": json.RawMessage(strconv.Quote(fmt.Sprintf("What was seen the time %d.", n))),
	})
	if err != nil {
		b.Fatal(err)
	}
}

// scale puts one in force that has the steps of the default.
func scale(b *bench, s *surface.System) {
	own, at := *risks.Default(), time.Now().UTC()
	own.ID, own.Title, own.Author, own.State, own.ApprovedBy, own.ApprovedAt = "SCL-1", "Our own", "person/E000001", risks.InForce, "person/E000002", &at
	put(b, s, risks.Scales, 1, func(int) (string, *risks.Scale) { return own.ID, &own })
}

// rateOn rates all risks on it, but for a few.
func rateOn(b *bench, s *surface.System, n, people int) {
	var all []record.Change
	rated := risk(people, "risk_scale/SCL-1")
	err := s.DB.Read(context.Background(), func(r *store.Reader) error {
		_, err := record.List(r, risks.Register, record.Query{Sort: "score", Limit: n}, func(v *record.Version) error {
			i, err := strconv.Atoi(strings.TrimPrefix(v.ID, "RSK-"))
			id, doc := rated(i - 1)
			all = append(all, record.Change{Verb: "changed", ID: id, Doc: doc, Expect: v.Version})
			return err
		})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	for batch := range slices.Chunk(all, act.MaxBatch) {
		if _, err := s.Door.Do(context.Background(), ledgertest.Operator, "risk.set", risks.Register.Register, func(tx *act.Tx) error {
			_, err := record.Put(tx, risks.Register, batch...)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}

func fillAcknowledgments(b *bench, s *surface.System, people, versions int) {
	texts := catalog.Policies()
	begin := time.Now().AddDate(0, 0, -120).Truncate(time.Hour).UTC()
	var force []*policies.Version
	for i, text := range texts[:versions] {
		approved := begin.AddDate(0, 0, -i)
		review := approved.AddDate(1, 0, 0)
		v := &policies.Version{
			ID: fmt.Sprintf("PV-%d", i+1), Policy: "policy/" + text.ID, Number: 1, Text: string(text.File), Author: "person/E000001", State: policies.InForce,
			ApprovedBy: "person/E000002", ApprovedAt: &approved, EffectiveAt: &approved, NextReviewAt: &review, AnnouncedAt: &approved, Channels: []string{"portal"},
		}
		v.Compute()
		force = append(force, v)
	}
	put(b, s, policies.Versions, versions, func(i int) (string, *policies.Version) { return force[i].ID, force[i] })
	put(b, s, policies.Register, versions, func(i int) (string, *policies.Policy) {
		v := force[i]
		return strings.TrimPrefix(v.Policy, "policy/"), &policies.Policy{
			ID: strings.TrimPrefix(v.Policy, "policy/"), Title: v.Title, Summary: v.Summary, Owner: v.Owner, Audience: v.Audience, Review: v.Review,
			Criteria: v.Criteria, Controls: v.Controls, State: policies.InForce, CurrentVersion: v.Ref(), NextReviewAt: v.NextReviewAt,
		}
	})
	put(b, s, policies.Acknowledgments, people*versions, func(i int) (string, *policies.Acknowledgment) {
		v, person := force[i%versions], fmt.Sprintf("E%06d", i/versions)
		asked := begin.Add(time.Duration(i) * 100 * time.Millisecond)
		due, done := asked.AddDate(0, 0, policies.DaysToAnswer), asked.AddDate(0, 0, i%25)
		a := &policies.Acknowledgment{ID: v.ID + "." + person, Person: "person/" + person, Version: v.Ref(), Policy: v.Policy, SHA256: v.SHA256, State: policies.Acknowledged, AskedAt: &asked, DueAt: &due, AcknowledgedAt: &done}
		if i%50 == 0 { // nobody has answered
			a.State, a.AcknowledgedAt = policies.Asked, nil
		}
		return a.ID, a
	})
}

// night opens the year's period and does what the server does every night.
func night(b *bench, s *surface.System) time.Duration {
	ctx, log := context.Background(), slog.New(slog.DiscardHandler)
	year := time.Date(time.Now().Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := periods.OpenPeriod(ctx, s.Door, ledgertest.Operator, periods.Period{Name: "year", From: year, To: year.AddDate(1, 0, 0), Timezone: "UTC"}); err != nil {
		b.Fatal(err)
	}
	runner := act.NewRunner(s.Door, log)
	for _, schedule := range []func(*surface.System, *act.Runner, *slog.Logger) error{surface.ScheduleCalendar, surface.ScheduleReadiness} {
		if err := schedule(s, runner, log); err != nil {
			b.Fatal(err)
		}
	}
	begin := time.Now()
	if err := runner.RunDue(ctx); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// filters reports whether an address is that of a list which is filtered.
func filters(path string) bool {
	_, query, _ := strings.Cut(path, "?")
	asked, err := url.ParseQuery(query)
	return err == nil && slices.ContainsFunc(slices.Collect(maps.Keys(asked)), func(name string) bool { return name == "filter" || strings.HasPrefix(name, "f.") })
}

// browse signs in; get reads a page and gives its length.
func browse(b *bench, s *surface.System) (get func(path string) int, end func()) {
	const password = "correct horse battery"
	if _, err := accounts.Create(context.Background(), s.Door, ledgertest.Operator,
		accounts.Account{ID: "ann", Name: "Ann Example", Person: "person/" + person(77).ID, Roles: []string{"compliance"}}, password); err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	whole, err := api.New(s, log, api.DefaultTimeouts)
	if err != nil {
		b.Fatal(err)
	}
	if whole.Pages, err = portal.New(s, log); err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(whole)
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	client := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm(server.URL+"/signin", url.Values{"id": {"ann"}, "password": {password}})
	if err != nil || answer.StatusCode != http.StatusSeeOther {
		b.Fatalf("sign-in: %v %v", answer, err)
	}
	answer.Body.Close()
	return func(path string) int {
		answer, err := client.Get(server.URL + path)
		if err != nil {
			b.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK && path != "/signin?again" {
			b.Fatalf("%s: status %d, %v: %.300s", path, answer.StatusCode, err, body)
		}
		if filters(path) && (!bytes.Contains(body, []byte(`class="chips"`)) || bytes.Contains(body, []byte("No record is like this"))) {
			b.Fatalf("%s does not filter, or finds nothing", path)
		}
		return len(body)
	}, server.Close
}
