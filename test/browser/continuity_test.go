package browser

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"scaf.dev/scaf/internal/record/rounds"
)

// minute is a time as forms take it, in the company's zone.
func minute(t *testing.T, at time.Time) string {
	t.Helper()
	return at.In(berlin(t)).Format("2006-01-02T15:04")
}

// A plan is written by one person and approved by another. It is practised in the year, what
// that showed goes into the plan, which is approved again, and its data is restored within
// the plan's times; somebody else reads both. Tests of controls read that when the round is
// over, which the clock of this machine does not tell.
func TestAPlanIsPractised(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "engineer")
	v.goes("/new/continuity_plans")
	v.fills("f-function", "Screening", "f-owner", "person/E4", "f-deputy", "person/E4", "f-recovery_time", "4h", "f-recovery_point", "1h",
		"f-steps", "1. Restore the database.\n2. Start the workers.", "f-kept_at", "On paper, in the safe")
	if status := v.sends("Add it"); status != 422 {
		t.Errorf("a deputy who is the owner is answered with %d", status)
	}
	v.holds("[role=alert]", "is the owner: name somebody else")
	v.fills("f-deputy", "person/E5")
	v.presses("Add it")
	plan := v.path()
	v.says("Kept at", "On paper, in the safe")
	if v.offers("Put in force") {
		t.Error("who wrote the plan is offered to put it in force")
	}
	executive := c.signs(t, "executive")
	executive.goes(plan)
	executive.holds("main", "Start the workers.")
	executive.presses("Put in force")
	executive.says("Approved by", "Cleo Example")
	executive.audited("continuity-plan")

	v.goes("/r/plan_practices")
	v.follows("main", "Open a year")
	v.fills("f-scenario", "The region of the cloud is gone.")
	v.presses("Open the year")
	v.follows("main", "PP-PLN-1-")
	practice, now := v.path(), time.Now()
	v.goes("/calendar?week=" + now.UTC().Format("2006") + "-12-31")
	v.holds("main", "Practise the plan")
	v.follows("main", practice)
	v.fills("done-f-practised_at", minute(t, now.AddDate(-2, 0, 0)), "done-f-participants", "person/E4\nperson/E5", "done-f-result", "It ran again after three hours.", "done-f-findings", "2")
	if status := v.sends("Record that it was done"); status != 422 {
		t.Errorf("a practice of another year is answered with %d", status)
	}
	v.holds("[role=alert]", "and this is the one of")
	v.fills("done-f-practised_at", minute(t, now))
	v.presses("Record that it was done")
	v.says("Led by", "Dora Example")
	v.says("Result", "It ran again after three hours.")
	if v.offers("Record the review") {
		t.Error("who led the practice is offered to review it")
	}

	reader := c.signs(t, "control-owner")
	reader.goes(practice)
	reader.fills("reviewed-f-findings_in_plan", "1")
	if status := reader.sends("Record the review"); status != 422 {
		t.Errorf("a finding that is not in the plan is answered with %d", status)
	}
	reader.holds("main", "what the practice showed goes into the plan first")
	reader.audited("plan-practice-refused")

	v.goes(plan)
	v.presses("Back to draft")
	v.follows("main", plan+"/edit")
	v.fills("f-steps", "1. Restore the database.\n2. Point the names to it.\n3. Start the workers, the queue first.")
	v.presses("Save")
	executive.goes(plan)
	executive.holds("main", "the queue first")
	executive.presses("Put in force")

	reader.goes(practice)
	reader.fills("reviewed-f-findings_in_plan", "2")
	reader.presses("Record the review")
	reader.says("Reviewed by", "Emil Example")
	reader.says("Plan", "Screening")
	reader.audited("plan-practice")

	v.goes("/r/restore_trials")
	v.follows("main", "Open a quarter")
	v.fills("f-store", "The database")
	v.presses("Open the quarter")
	v.follows("main", "RT-PLN-1-")
	trial, began := v.path(), now.Add(-2*time.Hour)
	if quarter := rounds.Quarter.Begins(rounds.Quarter.At(now), berlin(t)); began.Before(quarter) {
		began = quarter
	}
	v.fills("done-f-started_at", minute(t, began), "done-f-restored_at", minute(t, now), "done-f-data_until", minute(t, began.Add(-30*time.Minute)), "done-f-whole", "true")
	v.presses("Record that it was done")
	v.says("Lost", "30 minutes")
	v.says("Loss allowed", "1 hour")
	v.says("Result", "Passed")
	reader.goes(trial)
	reader.presses("Record the review")
	reader.says("Reviewed by", "Emil Example")
}

// An outage is recorded when it begins, and closed by its owner, who says when customers
// were told and why it came about. Then it stays as it is.
func TestOutagesAreEndedAndClosed(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "engineer")
	path := v.adds("outages", "f-service", "The API", "f-began_at", "2026-03-01T09:00", "f-owner", "person/E5")
	v.at("/r/outages/OUT-1", "The API")
	v.stands("Open")

	owner := c.signs(t, "control-owner")
	owner.goes("/work")
	owner.holds("main", "End the outage", "The API")
	owner.follows("main", path)
	owner.fills("closed-f-noticed_at", "2026-03-01T08:59", "closed-f-noticed_by", "alert", "closed-f-ended_at", "2026-03-01T09:40", "closed-f-allowed", "1h", "closed-f-told_at", "2026-03-01T09:10",
		"closed-f-cause", "The disk of the database was full; it is watched now.")
	if status := owner.sends("Close"); status != 422 {
		t.Errorf("an outage that was noticed before it began is answered with %d", status)
	}
	owner.holds("main", "is before it began")
	owner.audited("outage-refused")
	owner.fills("closed-f-noticed_at", "2026-03-01T09:03")
	owner.presses("Close")
	owner.stands("Closed")
	owner.says("Cause", "it is watched now")
	owner.says("Customers told", "2026-03-01 09:10")
	owner.says("Closed by", "Emil Example")
	owner.audited("outage")
	if in(owner, chromedp.Evaluate[bool](`document.querySelector("main a[href$='/edit']") !== null`)) {
		t.Error("an outage that is closed is offered to be changed")
	}

	if owner.offers("Confirm") {
		t.Error("who closed the outage is offered to confirm it")
	}
	v.goes(path)
	v.presses("Confirm")
	v.says("Confirmed by", "Dora Example")

	// A customer was the first who noticed this one.
	v.adds("outages", "f-service", "The console", "f-began_at", "2026-03-02T09:00", "f-owner", "person/E4")
	v.fills("closed-f-noticed_at", "2026-03-02T09:30", "closed-f-noticed_by", "customer", "closed-f-ended_at", "2026-03-02T09:40", "closed-f-allowed", "1h", "closed-f-cause", "A certificate ran out.")
	v.presses("Close")
	v.goes("/r/outages?f.noticed_by=customer")
	v.holds("main", "The console")
	c.tests(t, "CAP-01", "outages", 2, 1)
}

// Somebody decides about what begins to run short within a week, with how long it is enough then.
func TestAWarningOfCapacityIsDecided(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "engineer")
	path := v.adds("capacity_warnings", "f-resource", "The disk of the database", "f-raised_at", minute(t, time.Now().Add(-time.Hour)), "f-threshold", "0.8", "f-reading", "0.83", "f-owner", "person/E5")
	v.says("Threshold", "0.8")
	v.says("Reading", "0.83")
	v.says("Due", time.Now().AddDate(0, 0, 7).Format("2006"))

	owner := c.signs(t, "control-owner")
	owner.goes("/work")
	owner.holds("main", "Decide about what runs out")
	owner.follows("main", path)
	owner.fills("decided-f-decision", "It is doubled today.")
	if status := owner.sends("Record the decision"); status != 422 {
		t.Errorf("a decision without a forecast is answered with %d", status)
	}
	owner.holds("[role=alert]", "Forecast: is needed")
	owner.audited("capacity-warning-refused")
	owner.fills("decided-f-forecast", "Eight months")
	owner.presses("Record the decision")
	owner.stands("Decided")
	owner.says("Decision", "It is doubled today.")
	owner.says("Decided by", "Emil Example")
	owner.audited("capacity-warning")

	// Nobody decided about this one for months.
	v.adds("capacity_warnings", "f-resource", "Addresses of the office", "f-raised_at", "2026-02-01T09:00", "f-threshold", "0.9", "f-reading", "0.95", "f-owner", "person/E4")
	v.goes("/work")
	v.holds("main", "Decide about what runs out", "Addresses of the office", "late")
	c.tests(t, "CAP-01", "capacity", 2, 1)
}

// Backups that were due come as a table, of which one sees first what would become of it. One
// that was not complete is found in the list; one that was late in it is put right by hand.
func TestBackupsAreSeenToBeMade(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	table := filepath.Join(t.TempDir(), "backups.csv")
	if err := os.WriteFile(table, []byte("id,store,due_at,done_at,ok,encrypted,elsewhere,checksum,place\n"+
		"b1,The database,2026-03-01T01:00:00Z,2026-03-01T01:20:00Z,true,true,true,sha256:1,Frankfurt\n"+
		"b2,The database,2026-03-02T01:00:00Z,2026-03-02T01:20:00Z,false,true,true,,Frankfurt\n"+
		"b3,The files,2026-03-02T01:00:00Z,,,,,,\n"+
		"b4,,2026-03-02T01:00:00Z,2026-03-02T01:20:00Z,true,true,true,sha256:4,Frankfurt\n"+
		"b5,The files,2026-03-02T01:00:00Z,2090-03-02T01:20:00Z,true,true,true,sha256:5,Frankfurt\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	lead.goes("/r/backups")
	lead.follows("main", "/import/backups")
	lead.do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{table}))
	lead.presses("Show what it would do")
	lead.holds("main", "Nothing has been written yet", "backup/b1", "backups.csv:5", "is missing", "backups.csv:6", "is in the future")
	lead.audited("backups-preview")
	lead.presses("Take the others")
	lead.holds("main", "was read to its end", "backups.csv:5")

	v := c.signs(t, "engineer")
	v.goes("/r/backups?f.ok=false")
	v.holds("main table", "b2")
	v.audited("backups")
	v.follows("main table", "/r/backups/b2")
	v.says("Complete", "No")
	v.audited("backup")
	v.goes("/r/backups/b3/edit")
	if in(v, chromedp.Evaluate[bool](`document.getElementById("f-due_at") !== null && !document.getElementById("f-due_at").disabled`)) {
		t.Error("when it was to be made is offered to be changed")
	}
	v.fills("f-done_at", "2026-03-02T05:00", "f-ok", "true", "f-encrypted", "true", "f-elsewhere", "true", "f-checksum", "sha256:3", "f-place", "Frankfurt")
	v.presses("Save")
	v.says("Made", "2026-03-02 05:00")
	v.says("Complete", "Yes")

	reader := c.signs(t, "auditor")
	reader.goes("/r/backups?f.store=The+files")
	reader.follows("main table", "/r/backups/b3")
	reader.says("Elsewhere", "Yes")
	reader.goes("/r/backups/b3/history")
	reader.holds("main", "Dora Example", "Ada Example")
	c.tests(t, "BCP-01", "made", 3, 2)
}
