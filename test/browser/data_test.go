package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A system is described by one person and approved by another, who did not write it and
// does not own it. Another criticality is approved again.
func TestASystemIsApprovedBySomebodyElse(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "engineer")
	path := v.adds("systems", "f-id", "screening", "f-name", "Screening", "f-purpose", "It compares people with lists.", "f-primary", "true", "f-owner", "person/E4",
		"f-criticality", "high")
	v.stands("Proposed")
	if v.offers("Approve for use") {
		t.Error("an engineer is offered to approve it")
	}
	v.follows("main", path+"/edit")
	v.fills("f-boundary", "The API and its database.", "f-outside", "Customers' browsers.")
	v.ticks("f.data", "confidential")
	v.presses("Save")
	v.audited("system-proposed")
	if headings := in(v, chromedp.Evaluate[int](`[...document.querySelectorAll("main h2")].filter(h => h.innerText === "Approval").length`)); headings != 1 {
		t.Errorf("%d headings of the approval", headings)
	}

	lead := c.signs(t, "compliance")
	lead.goes("/r/systems")
	lead.follows("main", path)
	lead.presses("Approve for use")
	lead.stands("In use")
	lead.says("Approved by", "Ada Example")
	lead.says("Owner", "Dora Example")

	v.goes(path + "/edit")
	v.holds("main", "Name, Purpose, Owner, Boundary, Outside the boundary, Data and Criticality stand as they were when the record became in use")
	c.tests(t, "AST-01", "described", 1, 1)
}

// A set of data has a class, a place and a time, which somebody else than the owner
// approves. When its time has come it is destroyed by a method, with the certificate, and
// somebody else has seen it; then the entry ends.
func TestASetOfDataAndItsDisposal(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	owner := c.signs(t, "control-owner")
	owner.goes("/new/data_sets")
	owner.fills("f-title", "Screened people", "f-owner", "person/E5", "f-class", "internal", "f-personal", "true", "f-store", "The database", "f-store_class", "restricted",
		"f-location", "Frankfurt", "f-retention", "8760h", "f-retention_from", "The end of the contract")
	if status := owner.sends("Add it"); status != 422 {
		t.Errorf("data about people that is internal is answered with %d", status)
	}
	owner.holds("[role=alert]", "data about people is confidential at least")
	owner.fills("f-class", "confidential")
	owner.presses("Add it")
	set := owner.path()
	owner.stands("Proposed")
	if owner.offers("Approve for use") {
		t.Error("who proposed it is offered to approve it")
	}

	executive := c.signs(t, "executive")
	executive.goes(set)
	executive.presses("Approve for use")
	executive.says("Approved by", "Cleo Example")
	executive.audited("data-set")
	owner.goes(set)
	owner.unfolds("Review")
	owner.presses("Review")
	owner.says("Reviewed by", "Emil Example")

	disposal := owner.adds("data_disposals", "f-data", ref("data_set", set), "f-what", "All of it", "f-whole", "true", "f-due_at", "2026-02-01T09:00", "f-owner", "person/E5")
	certificate := filepath.Join(t.TempDir(), "certificate.txt")
	if err := os.WriteFile(certificate, []byte("Destroyed.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	owner.uploads(certificate)
	owner.goes("/work")
	owner.follows("main", disposal)
	owner.unfolds("Record that it was done")
	owner.fills("done-f-method", "purge", "done-f-technique", "The key was destroyed", "done-f-done_at", "2026-02-10T09:00", "done-f-backups_until", "2026-02-10T09:00", "done-f-certificate", "certificate.txt")
	owner.presses("Record that it was done")
	owner.says("Done by", "Emil Example")
	if owner.offers("Witness") {
		t.Error("who did it is offered to witness it")
	}

	engineer := c.signs(t, "engineer")
	engineer.goes(disposal)
	engineer.holds("main", "The key was destroyed", "certificate.txt")
	engineer.presses("Witness")
	engineer.says("Witness", "Dora Example")
	engineer.audited("data-disposal")

	lead := c.signs(t, "compliance")
	lead.goes(disposal)
	lead.says("Done by", "Emil Example")
	lead.says("Witness", "Dora Example")
	lead.says("Data set", "Screened people")
	lead.goes(set)
	lead.presses("Record the end")
	lead.stands("Ended")
	c.tests(t, "DAT-02", "disposed", 1, 1)
}

// A medium leaves when it was wiped as what it held asks for, and somebody else released
// it. One that left as it was is recorded, too, and deviates.
func TestAMediumLeavesWiped(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "engineer")
	laptop := v.adds("assets", "f-name", "Laptop 7", "f-kind", "device", "f-owner", "person/E4", "f-data_class", "confidential", "f-flows", "none")
	path := v.adds("media_disposals", "f-asset", ref("asset", laptop), "f-destination", "sold")
	v.says("Class of data", "Confidential")
	v.unfolds("Record that it was wiped")
	v.fills("wiped-f-method", "clear", "wiped-f-technique", "The maker's reset", "wiped-f-wiped_at", "2026-02-01T09:00", "wiped-f-proof", "report-7")
	if status := v.sends("Record that it was wiped"); status != 422 {
		t.Errorf("confidential data that is merely cleared is answered with %d", status)
	}
	v.holds("[role=alert]", "is clear, and it held confidential data: purge or destroy it")
	if kept := in(v, chromedp.Value(chromedp.ID("wiped-f-technique"))); kept != "The maker's reset" {
		t.Errorf("the form keeps %q", kept)
	}
	v.audited("media-disposal-refused")
	v.fills("wiped-f-method", "purge", "wiped-f-technique", "The key was destroyed")
	v.presses("Record that it was wiped")
	v.says("Wiped by", "Dora Example")
	v.holds("main", "Record that it left: for somebody else to do")

	owner := c.signs(t, "control-owner")
	owner.goes(path)
	owner.unfolds("Record that it left")
	owner.fills("left-f-left_at", "2026-02-02T09:00")
	owner.presses("Record that it left")
	owner.stands("Left")
	owner.says("Released by", "Emil Example")
	owner.audited("media-disposal")

	unwiped := owner.adds("media_disposals", "f-asset", "Laptop 7", "f-destination", "repair")
	owner.unfolds("Record that it left")
	owner.fills("left-f-left_at", "2026-02-03T09:00")
	owner.presses("Record that it left")
	v.goes(laptop)
	v.holds("main", "Media disposals", unwiped[strings.LastIndex(unwiped, "/")+1:])
	c.tests(t, "DAT-02", "media", 2, 1)
}

// Production data is copied elsewhere when who owns it has approved that, and nobody else;
// whoever asked for the copy destroys it, and somebody else sees that it is gone. One is refused.
func TestProductionDataIsCopied(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	owner, lead, v := c.signs(t, "control-owner"), c.signs(t, "compliance"), c.signs(t, "engineer")
	set := owner.adds("data_sets", "f-title", "Screened people", "f-owner", "person/E5", "f-class", "confidential", "f-personal", "true")
	path := v.adds("data_copies", "f-data", ref("data_set", set), "f-purpose", "A test of speed", "f-to", "Staging", "f-encrypted", "true")
	v.stands("Requested")
	v.holds("main", "Approve: for somebody else to do")
	lead.goes(path)
	lead.holds("main", "Approve: for somebody else to do", "Emil Example owns the data, and approves its copies")
	lead.audited("data-copy-requested")

	owner.goes(path)
	owner.unfolds("Approve")
	if status := owner.sends("Approve"); status != 422 {
		t.Errorf("a copy without an end is answered with %d", status)
	}
	now := time.Now().In(berlin(t))
	owner.fills("approved-f-until", now.AddDate(0, 0, 1).Format("2006-01-02T15:04"))
	owner.presses("Approve")
	owner.says("Approved by", "Emil Example")
	v.goes(path)
	v.unfolds("Record the copy")
	v.fills("copied-f-copied_at", now.Format("2006-01-02T15:04"))
	v.presses("Record the copy")
	v.stands("Copied")
	v.goes("/work")
	v.holds("main", "Destroy the copy")
	v.follows("main", path)
	v.holds("main", "Record the destruction: for somebody else to do")
	owner.goes(path)
	owner.unfolds("Record the destruction")
	owner.fills("destroyed-f-destroyed_at", "2026-01-31T09:00")
	if status := owner.sends("Record the destruction"); status != 422 {
		t.Errorf("a copy that is destroyed before it was made is answered with %d", status)
	}
	owner.holds("[role=alert]", "is before it was copied")
	owner.fills("destroyed-f-destroyed_at", now.Format("2006-01-02T15:04"))
	owner.presses("Record the destruction")
	owner.stands("Destroyed")
	owner.says("Destruction confirmed by", "Emil Example")
	owner.audited("data-copy")
	v.goes("/work")
	if text := in(v, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "Destroy the copy") {
		t.Error("the copy was destroyed, and still is to be")
	}

	other := v.adds("data_copies", "f-data", "Screened people", "f-purpose", "A demonstration", "f-to", "A laptop")
	owner.goes(other)
	owner.presses("Refuse")
	owner.stands("Refused")
	c.tests(t, "DAT-03", "copies", 1, 1) // what was refused was not copied
}
