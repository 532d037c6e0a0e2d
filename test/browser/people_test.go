package browser

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The HR system's table brings a joiner and a contractor. What they owe is opened in the
// night; the joiner signs, changes jobs, and leaves. Each step is seen to by whoever has to,
// and stands on the person's page.
func TestPeopleJoinMoveAndLeave(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "compliance")
	joined, until := time.Now().AddDate(0, 0, -3).Format(time.DateOnly), time.Now().AddDate(0, 0, 10).Format(time.DateOnly)
	table := filepath.Join(t.TempDir(), "hr.csv")
	if err := os.WriteFile(table, []byte("id,name,email,title,department,manager,employment,joined_at,engaged_until\n"+
		"E20,Gus Joiner,gus@example.com,Clerk,Finance,E1,employee,"+joined+",\n"+
		"E21,Hana Contractor,hana@example.com,Developer,Product,E4,contractor,"+joined+","+until+"\n"+
		"E22,Nobody,not an address,Clerk,Finance,E1,employee,"+joined+",\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.goes("/r/people")
	v.follows("main", "/import/people")
	v.do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{table}))
	v.presses("Show what it would do")
	v.holds("main", "Nothing has been written yet", "person/E20", "person/E21", "hr.csv:4", "is no e-mail address")
	v.audited("people-preview")
	v.presses("Take the others")
	v.holds("main", "was read to its end")
	v.goes("/people/E20")
	v.at("/people/E20", "Gus Joiner")
	v.holds("main", "Clerk, Finance", "Ada Example")

	c.meanwhile(t, [][]string{{"person", "plan"}, {"policy", "ask"}, {"training", "assign"}}, v)
	v.goes("/people/E20")
	v.holds("main", "Sign the terms of confidentiality and security", "Clear desks", "Security basics")
	v.holds(`section[aria-labelledby="about"]`, "Agreements", "Performance reviews")
	v.audited("person-joiner")
	v.follows(`section[aria-labelledby="owes"]`, "/r/agreements/")
	v.says("Person", "Gus Joiner")
	v.unfolds("Record the signature")
	v.fills("signed-f-signed_at", time.Now().AddDate(0, 0, -5).Format(time.DateOnly)+"T10:00", "signed-f-document", "sign/20")
	v.presses("Record the signature")
	v.stands("Signed")

	// The mover: whoever sees to the access says what became of it.
	v.goes("/r/people/E20/edit")
	v.fills("f-title", "Analyst", "f-manager", "person/E2")
	v.presses("Save")
	v.says("Job title", "Analyst")
	other := c.signs(t, "ciso")
	other.goes("/work")
	other.follows("main", "/r/job_changes/E20.1")
	other.says("Person", "Gus Joiner")
	other.says("Title before", "Clerk")
	other.says("New title", "Analyst")
	other.fills("reviewed-f-rights", "The ledger of payments ended, the reports were given")
	other.presses("Record the review")
	other.says("Seen to by", "Ben Example")
	other.audited("job-change")

	// The contractor, whose engagement goes on.
	engineer := c.signs(t, "engineer")
	engineer.goes("/work")
	engineer.holds("main", "Extend the engagement, or see that it ends")
	v.goes("/people/E21")
	v.holds("main", "Hana Contractor", "Dora Example", "Contractor, engaged until "+until)
	v.audited("person-contractor")
	v.goes("/r/people/E21/edit")
	v.fills("f-engaged_until", time.Now().AddDate(1, 0, 0).Format(time.DateOnly))
	v.presses("Save")
	v.says("Employment", "Contractor")
	engineer.goes("/work")
	if text := in(engineer, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "Extend the engagement") {
		t.Error("the engagement was extended, and still is to be")
	}

	// The leaver.
	left := time.Now().Add(-2 * time.Hour).In(berlin(t)).Format("2006-01-02T15:04")
	v.goes("/r/people/E20")
	v.unfolds("Record that they left")
	v.fills("left-f-left_at", left)
	v.presses("Record that they left")
	v.stands("Left")
	v.goes("/r/people/E20/edit")
	v.fills("f-access_ended_at", left)
	v.presses("Save")
	v.goes("/people/E20")
	v.holds("main", "last day", "They have left: hand over what is still theirs")
	v.audited("person-left")
	v.goes("/r/people/E20/history")
	v.holds("main", "Ada Example")

	reader := c.signs(t, "auditor")
	reader.goes("/people/E20")
	reader.holds("main", "Gus Joiner", "Analyst")
	c.tests(t, "PPL-06", "signed", 8, 1) // nobody else's terms are signed
	c.tests(t, "PPL-09", "movers", 1, 1)
	c.tests(t, "PPL-01", "leavers", 1, 1)
}

// The yearly talk with somebody is held by another person than they, on record as a day, a
// description of the job and words that are fixed. The next one is due a year later.
func TestAPerformanceReview(t *testing.T) {
	t.Parallel()
	dir := office(t)
	if _, err := scaf(dir, "", "person", "plan"); err != nil { // as in every night
		t.Fatal(err)
	}
	c := &company{site: fresh(t, dir), dir: dir}
	v := c.signs(t, "compliance")
	due, held := time.Now().AddDate(0, 0, -7).In(berlin(t)), time.Now().AddDate(0, 0, -1).In(berlin(t)).Format(time.DateOnly)
	path := v.adds("performance_reviews", "f-person", "person/E6", "f-reviewer", "person/E4", "f-due_at", due.Format(time.DateOnly))
	own := v.adds("performance_reviews", "f-person", "person/E1", "f-due_at", due.Format(time.DateOnly))
	v.holds("main", "Record that it was held: for somebody else to do")

	reviewer := c.signs(t, "engineer")
	reviewer.goes("/work")
	reviewer.holds("main", "Hold the performance review", "Somebody with the role administrator, ciso or compliance records it.")
	reviewer.audited("performance-review-owed")
	v.goes(path)
	v.unfolds("Record that it was held")
	v.fills("held-f-reviewer", "person/E6", "held-f-held_at", held, "held-f-job_description", "JOB-6", "held-f-security_duties", "met in part", "held-f-learning", "Phishing\nExcel")
	if status := v.sends("Record that it was held"); status != 422 {
		t.Errorf("a review by whose it is is answered with %d", status)
	}
	v.holds("[role=alert]", "is whose performance it is: somebody else reviews it")
	if kept := in(v, chromedp.Value(chromedp.ID("held-f-learning"))); kept != "Phishing\nExcel" {
		t.Errorf("the form keeps %q", kept)
	}
	v.audited("performance-review-refused")
	v.fills("held-f-reviewer", "person/E4")
	v.presses("Record that it was held")
	v.stands("Held")
	v.says("Reviewer", "Dora Example")
	reviewer.goes("/work")
	if text := in(reviewer, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "Hold the performance review") {
		t.Error("the review was held, and still is to be")
	}
	v.says("To learn next", "Excel")
	v.audited("performance-review")
	v.follows("main", "/r/performance_reviews/PR-9")
	v.stands("Planned")
	v.says("Due", due.AddDate(1, 0, 0).Format(time.DateOnly))
	v.says("Job description", "JOB-6")

	employee := c.signs(t, "employee")
	if status := employee.goes(path); status != 403 {
		t.Errorf("an employee is answered with %d", status)
	}
	officer := c.signs(t, "ciso")
	officer.goes(own)
	officer.unfolds("Record that it was held")
	officer.fills("held-f-reviewer", "person/E2", "held-f-held_at", held, "held-f-job_description", "JOB-1", "held-f-security_duties", "met")
	officer.presses("Record that it was held")
	officer.says("Reviewer", "Ben Example")
	c.tests(t, "PPL-08", "reviews", 2, 2) // those that were planned are not due
}

// berlin is where the organisation is.
func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// hrSystem takes acknowledgments, keeps them, and lists what it has.
type hrSystem struct {
	mu   sync.Mutex
	held []json.RawMessage
}

func (h *hrSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(map[string]any{"acknowledgments": append([]json.RawMessage{}, h.held...)}) // the reader is told by what arrives
		return
	}
	var message struct {
		Type string
		Data json.RawMessage
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, &message) != nil || message.Type != "acknowledgment.acknowledged" || r.Header.Get("webhook-signature") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.held = append(h.held, message.Data)
}

// What an employee acknowledges is sent to the HR system, and read back from there: the
// comparison says that both have it, and names what only the HR system has.
func TestTheHRSystemHasWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	h := &hrSystem{}
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	dir := office(t)
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	configure(t, dir, "hris", map[string]any{
		"secret": map[string]string{"file": "secrets/hris"}, "send_to": server.URL, "read_from": server.URL,
		"allow_private": []string{"127.0.0.0/8"}, "roots": "secrets/roots.pem",
	})
	for file, content := range map[string][]byte{
		"secrets/hris":      []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="),
		"secrets/roots.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := scaf(dir, "", "policy", "ask"); err != nil {
		t.Fatal(err)
	}
	c := &company{site: fresh(t, dir), dir: dir}

	employee := c.signs(t, "employee")
	employee.goes("/work")
	employee.chooses("Acknowledge the policy")
	employee.chooses("I acknowledge it")
	employee.holds("main", "You have answered everything", "Acknowledged")

	v := c.signs(t, "compliance")
	v.awaits("/r/hris_deliveries?f.state=sent", "PV-1.E6")
	v.follows("main table", "/r/hris_deliveries/")
	v.says("State", "Sent")
	h.mu.Lock()
	h.held = append(h.held, json.RawMessage(fmt.Sprintf(`{"acknowledgment":"PV-1.E9","person":"E9","policy":"desks","version":"PV-1","sha256":"%064d","answered_at":"2026-01-01T09:00:00Z"}`, 0)))
	h.mu.Unlock()
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if out, err := scaf(dir, "", "hris", "reconcile"); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Fatalf("a comparison with a difference says %q, %v", out, err)
	}
	c.meanwhile(t, nil, v)
	// The other one is the program's own, as on every day.
	v.awaits("/r/hris_reconciliations", "HRR-2")
	v.follows("main table", "/r/hris_reconciliations/HRR-2")
	v.says("The same", "1")
	v.says("Differences", "1")
	v.holds("main", "E9", "only the HR system has it")
	v.audited("hris-reconciliation")
	v.goes("/people/E6")
	v.holds(`section[aria-labelledby="acknowledgments"]`, "Clear desks", "acknowledged")
}

// awaits opens a page until it says something: what is done beside it takes its time.
func (v *tab) awaits(path, text string) {
	v.t.Helper()
	for end := time.Now().Add(patience); ; {
		v.goes(path)
		all := in(v, chromedp.Text(chromedp.CSS("main")))
		if strings.Contains(all, text) {
			return
		}
		if time.Now().After(end) {
			v.t.Fatalf("%s does not come to say %q: %.500s", path, text, all)
		}
	}
}
