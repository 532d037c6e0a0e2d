package portal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/accounts"
)

// inForce brings a policy of the catalog into force, changed before it was
// approved, and asks everybody.
func (s *site) inForce(t *testing.T, slug string) (version string) {
	t.Helper()
	ctx := context.Background()
	for _, text := range catalog.Policies() {
		if text.ID != slug {
			continue
		}
		if _, err := s.InstallPolicies(ctx, apptest.Operator, []catalog.Policy{text}, "handbook"); err != nil {
			t.Fatal(err)
		}
		version = "PV-1"
		move := func(caller act.Caller, state, fields string) {
			t.Helper()
			var given map[string]json.RawMessage
			if err := json.Unmarshal([]byte(fields), &given); err != nil {
				t.Fatal(err)
			}
			if _, err := s.MoveRecord(ctx, caller, policies.Versions, version, record.AnyVersion, state, given); err != nil {
				t.Fatal(err)
			}
		}
		move(apptest.Operator, policies.InReview, `{}`)
		move(apptest.Operator, policies.Draft, `{"returned_reason":"A sentence is missing"}`)
		changed, err := json.Marshal(strings.Replace(string(text.File), "## Purpose", "## Purpose\n\nA sentence of ours <b>in bold</b>.", 1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.SetRecord(ctx, apptest.Operator, policies.Versions, version, record.AnyVersion, map[string]json.RawMessage{"text": changed}); err == nil {
			t.Fatal("a text with HTML is taken")
		}
		changed, _ = json.Marshal(strings.Replace(string(text.File), "## Purpose\n", "## Purpose\n\nA sentence of ours.\n", 1))
		if _, err := s.SetRecord(ctx, apptest.Operator, policies.Versions, version, record.AnyVersion, map[string]json.RawMessage{"text": changed}); err != nil {
			t.Fatal(err)
		}
		move(apptest.Operator, policies.InReview, `{}`)
		executive := act.Caller{ID: "person/E9", Roles: []string{"ciso"}}
		move(executive, policies.Approved, `{}`)
		move(executive, policies.InForce, `{"channels":["portal"]}`)
		if _, err := s.AskToAcknowledge(ctx, apptest.Operator, version); err != nil {
			t.Fatal(err)
		}
	}
	return version
}

// An employee signs in, reads, and answers: the text that was shown, and nobody
// else's question.
func TestAnEmployeeAcknowledges(t *testing.T) {
	s := serve(t, config.Config{})
	ann := func(id string) *browser {
		if _, err := accounts.Create(context.Background(), s.Door, apptest.Operator, accounts.Account{ID: id, Name: "Example " + id, Roles: []string{"employee"}, Person: "person/" + strings.ToUpper(id)}, password); err != nil {
			t.Fatal(err)
		}
		b := s.browser(t)
		b.post("/signin", "id", id, "password", password)
		return b
	}
	s.people(t, `{"id":"E1","name":"Ann Example","joined_at":"2026-01-01T00:00:00Z"}`, `{"id":"E2","name":"Bob Example","joined_at":"2026-01-01T00:00:00Z"}`, `{"id":"E3","name":"Cyd Example","joined_at":"2026-01-01T00:00:00Z"}`, `{"id":"E9","name":"Cara Example","joined_at":"2026-01-01T00:00:00Z"}`)
	first := ann("e1")
	first.get("/policies").want(t, 200, "No policy is in force yet")
	version := s.inForce(t, "acceptable-use")
	s.signed(t, "com", "compliance").get("/search?q=a+SENTENCE+of+ours").want(t, 200, `<a href="/policies/`+version+`">Acceptable use`)
	first.get("/work").want(t, 200, `href="/policies/`+version+`"`)
	first.get("/policies").want(t, 200, "To be acknowledged by you: 1", `href="/policies/`+version+`"`)
	page := first.get("/policies/"+version).want(t, 200, "<h2>Purpose</h2>", "A sentence of ours.", "I acknowledge it")
	sum := regexp.MustCompile(`name="sha256" value="([0-9a-f]{64})"`).FindStringSubmatch(page.body)
	if sum == nil {
		t.Fatal("the form does not say which text it is about")
	}
	first.post("/policies/"+version+"/answer", "sha256", strings.Repeat("0", 64), "answer", "acknowledged").want(t, 422, "read it again")
	first.post("/policies/"+version+"/answer", "sha256", sum[1], "answer", "refused", "reason", " ").want(t, 422, "is needed", "open><summary>")
	first.post("/policies/"+version+"/answer", "sha256", sum[1]).want(t, 422, "does not say whether")
	first.get("/policies").want(t, 200, "To be acknowledged by you: 1")
	first.post("/policies/"+version+"/answer", "sha256", sum[1], "answer", "acknowledged").goes(t, "/policies")
	first.get("/policies").want(t, 200, "You have answered everything", "Acknowledged")
	first.get("/policies/"+version).want(t, 200, "You acknowledged this text", "approved by <span title=\"person/E9\">Cara Example</span>")
	first.post("/policies/"+version+"/answer", "sha256", sum[1], "answer", "refused", "reason", "After all").want(t, 422, "You acknowledged this text on 20", "already")
	first.get("/r/acknowledgments").want(t, 403)
	first.get("/policies/"+version+"/changes").want(t, 403)

	second := ann("e2")
	second.get("/policies/" + version)
	second.post("/policies/"+version+"/answer", "sha256", sum[1], "answer", "refused", "reason", "I have questions").goes(t, "/policies")
	second.get("/policies/"+version).want(t, 200, "You refused", "I have questions", "I acknowledge it")

	// Whoever reads about a person sees what they acknowledged by its name.
	s.signed(t, "lead", "compliance").get("/people/E1").want(t, 200, ">Acceptable use</a>", version+".E1")

	// Whoever keeps the policies sees how everybody answered, and each number leads to them.
	lead := s.browser(t)
	lead.post("/signin", "id", "lead", "password", password)
	for _, path := range []string{"/policies", "/policies/" + version} {
		answers := lead.get(path).want(t, 200, `<progress aria-label="Acknowledged" value="1" max="4"></progress> 25 %,</span>`)
		for text, who := range map[string]string{"1 acknowledged": ".E1", "2 open": ".E3", "1 refused": ".E2", "4 asked": ".E2"} {
			link := regexp.MustCompile(`href="([^"]+)">` + text).FindStringSubmatch(answers.body)
			if link == nil {
				t.Fatalf("%s does not say %s", path, text)
			}
			n, _, _ := strings.Cut(text, " ")
			list := lead.get(html.UnescapeString(link[1])).want(t, 200, version+who)
			if got := strings.Count(list.body, `href="/r/acknowledgments/`+version+"."); fmt.Sprint(got) != n {
				t.Errorf("%s leads to %d", text, got)
			}
		}
		if other := second.get(path).want(t, 200); strings.Contains(other.body, "<progress") {
			t.Errorf("%s says to everybody how others answered", path)
		}
	}

	lead.get("/policies").want(t, 200, `href="/policies/security-policies.md"`, `href="/export/policies?format=xlsx"`)
	lead.get("/policies/security-policies.md").want(t, 200, "\n# Acceptable use\n", "A sentence of ours.")
	second.get("/policies/security-policies.md").want(t, 403)
	lead.get("/export/policies?format=xlsx").want(t, 200)

	stranger := s.signed(t, "sam", "employee")
	stranger.get("/policies").want(t, 200, "belongs to nobody")
	stranger.post("/policies/"+version+"/answer", "sha256", sum[1], "answer", "acknowledged").want(t, 422, "were not asked")
	stranger.get("/policies/PV-9").want(t, 404)

	keeper := s.signed(t, "carl", "compliance")
	rounds := keeper.get("/policies/"+version+"/changes").want(t, 200, "Compared with round 1", "A sentence of ours.", "Round 2")
	if strings.Count(rounds.body, "<ins>") != 2 { // the sentence and the line before it
		t.Errorf("%d lines came", strings.Count(rounds.body, "<ins>"))
	}
	all := keeper.get("/policies/"+version+"/changes?all=1").want(t, 200, "it is the first text")
	if strings.Count(html.UnescapeString(all.body), "<ins>") < 40 || strings.Contains(all.body, "<del>") {
		t.Error("not all of the first text is new")
	}
	keeper.get("/policies/"+version+"/changes?round=1").want(t, 200, "it is the first text")
	keeper.get("/policies/"+version+"/changes?round=7").want(t, 404)
	// What is not in force is read by those who keep the policies.
	if _, err := s.InstallPolicies(context.Background(), apptest.Operator, catalog.Policies()[:1], "handbook"); err != nil {
		t.Fatal(err)
	}
	first.get("/policies/PV-2").want(t, 403)
	keeper.get("/policies/PV-2").want(t, 200, "not in force")
}

// Whoever keeps or approves policies is led from the list and from the record of one that
// is not in force to its text and to what changed in it.
func TestAPolicyInReviewLeadsToWhatChanged(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	keeper := s.hired(t, "com", "compliance")
	keeper.get("/policies")
	keeper.post("/policies/install").goes(t, "/r/policy_versions?f.state=draft")
	drafts := keeper.get("/policies").want(t, 200, fmt.Sprintf("%d drafts are to be read", len(catalog.Policies())), `href="/r/policy_versions/PV-2"`, `href="/policies/PV-2"`)
	if strings.Contains(drafts.body, `href="/policies/PV-2/changes"`) {
		t.Error("a draft that was never in review has a round")
	}
	if _, err := s.MoveRecord(t.Context(), apptest.Operator, policies.Versions, "PV-2", record.AnyVersion, policies.InReview, nil); err != nil {
		t.Fatal(err)
	}
	approver := s.hired(t, "eva", "executive")
	for _, path := range []string{"/policies", "/r/policy_versions/PV-2"} {
		page := approver.get(path).want(t, 200, "In review", `href="/policies/PV-2"`, `href="/policies/PV-2/changes"`, `href="/policies/PV-2/changes?all=1"`)
		if path != "/policies" && (strings.Contains(page.body, "<h2>id:") || !strings.Contains(page.body, "<h2>Purpose</h2>")) {
			t.Error("the front matter stands in the text")
		}
	}
	approver.get("/policies/PV-2/changes").want(t, 200, "Compared with")
	if page := s.hired(t, "eve", "employee").get("/policies"); strings.Contains(page.body, "PV-2") {
		t.Error("an employee is shown what is not in force")
	}
}

// What is refused is said with times as they are where the organisation is.
func TestARefusalSaysTheDayAsPeopleDo(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{Timezone: "Europe/Berlin"})
	if _, err := s.InstallPolicies(t.Context(), apptest.Operator, catalog.Policies()[:1], "handbook"); err != nil {
		t.Fatal(err)
	}
	keeper, approver := s.signed(t, "com", "compliance"), s.hired(t, "eva", "executive")
	move := func(b *browser, pairs ...string) page {
		t.Helper()
		b.get("/r/policy_versions/PV-1")
		var version int
		if err := s.DB.Read(t.Context(), func(r *store.Reader) (err error) {
			_, version, err = policies.Get(r, "PV-1")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return b.post("/r/policy_versions/PV-1/move", append(pairs, "version", fmt.Sprint(version))...)
	}
	move(keeper, "state", policies.InReview).goes(t, "/r/policy_versions/PV-1")
	move(approver, "state", policies.Approved, "f.effective_at", "2027-01-15T00:00").goes(t, "/r/policy_versions/PV-1")
	// Where it is announced is chosen among the channels that are configured here.
	if got := keeper.get("/r/policy_versions/PV-1").want(t, 200, `name="f.channels" value="portal"`, `name="f.channels" value="meeting"`, "Not configured here: Slack and e-mail"); strings.Contains(got.body, `value="Slack"`) {
		t.Error("a channel is offered that is not configured")
	}
	move(keeper, "state", policies.InForce, "f.channels", "portal").want(t, 422, "is 2027-01-15, and it cannot come into force before")
}
