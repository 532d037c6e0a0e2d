package browser

import (
	"testing"
	"time"
)

// A notice is written, approved by somebody else and published; what is done with the data
// is held against it; people agree to it, and the data goes to a recipient as it says.
func TestANoticeAndWhatIsDoneWithTheData(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "compliance")
	v.goes("/new/privacy_notices")
	v.fills("f-title", "Customers' users", "f-version", "1", "f-text", "# What we do\n\nWe screen people.", "f-purposes", "screening", "f-data", "names\ndates of birth")
	v.ticks("f.covers", "kinds of data", "purposes", "recipients", "retention", "rights", "contact")
	v.presses("Add it")
	notice := v.path()
	if v.offers("Approve") {
		t.Error("the author is offered to approve it")
	}
	executive := c.signs(t, "executive")
	executive.goes(notice)
	executive.holds("main", "We screen people.")
	executive.presses("Approve")
	executive.says("Approved by", "Cleo Example")
	v.goes(notice)
	v.unfolds("Publish")
	v.fills("published-f-published_at", "2026-01-10T09:00", "published-f-effective_at", "2026-01-20T00:00", "published-f-address", "https://example.com/privacy", "published-f-readers_told", "true")
	v.presses("Publish")
	v.stands("Published")
	v.audited("privacy-notice")

	engineer := c.signs(t, "engineer")
	activity := engineer.adds("processing_activities", "f-title", "Screening", "f-owner", "person/E4", "f-role", "processor", "f-subjects", "customers' users",
		"f-purposes", "screening", "f-data", "names\ndates of birth", "f-lawful_ground", "contract", "f-notice", ref("privacy_notice", notice))
	engineer.says("Data in the notice", "dates of birth")
	engineer.unfolds("Record the review")
	engineer.fills("reviewed-f-quality_check", "A sample of ten was compared")
	engineer.presses("Record the review")
	engineer.says("Reviewed by", "Dora Example")
	engineer.audited("processing-activity")
	v.goes(notice)
	v.follows("main", activity)
	v.says("Notice", "Customers' users")

	consent := v.adds("consents", "f-id", "C-17", "f-subject", "u-17", "f-purpose", "screening", "f-notice", ref("privacy_notice", notice), "f-sensitive", "false", "f-abroad", "false",
		"f-given_at", "2026-02-01T09:00", "f-collected_at", "2026-02-01T09:00")
	v.goes(consent + "/edit")
	v.fills("f-withdrawn_at", "2026-02-10T09:00", "f-stopped_at", "2026-02-11T09:00")
	v.presses("Save")
	v.says("Stopped", "2026-02-11")
	v.audited("consent")
	v.adds("disclosures", "f-subject", "u-17", "f-recipient", "An authority", "f-data", "names", "f-purpose", "An order of a court", "f-basis", "law", "f-disclosed_at", "2026-02-03T09:00")
	v.says("Recorded by", "Ada Example")
	v.adds("disclosures", "f-subject", "u-17", "f-recipient", "A partner", "f-data", "names", "f-purpose", "Screening", "f-basis", "notice", "f-disclosed_at", "2026-02-04T09:00")
	v.goes("/r/disclosures")
	v.holds("main", "An authority", "A partner")

	c.tests(t, "PRV-01", "notices", 1, 1)
	c.tests(t, "PRV-02", "consents", 1, 1)
	c.tests(t, "PRV-06", "disclosed", 2, 1) // no contract binds the partner
}

// A breach of personal data is judged, reported to the authority, and settled when that and
// the people concerned are on record.
func TestABreachIsReported(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "engineer")
	path := v.adds("privacy_breaches", "f-title", "A list was sent to the wrong customer", "f-lead", "person/E1",
		"f-found_at", time.Now().Add(-2*time.Hour).In(berlin(t)).Format("2006-01-02T15:04"))
	if v.offers("Record the judgment") {
		t.Error("an engineer is offered to judge it")
	}
	lead := c.signs(t, "compliance")
	lead.goes("/work")
	lead.follows("main", path)
	lead.unfolds("Record the judgment")
	lead.fills("judged-f-subjects", "12", "judged-f-data", "names", "judged-f-cause", "A wrong address", "judged-f-must_report", "true", "judged-f-reason", "They can be harmed", "judged-f-must_tell", "true", "judged-f-tell_reason", "The harm is great")
	lead.presses("Record the judgment")
	lead.says("Judged by", "Ada Example")
	lead.unfolds("Settle")
	if status := lead.sends("Settle"); status != 422 {
		t.Errorf("a breach that was not reported is answered with %d", status)
	}
	lead.holds("main", "is not named: a breach that must be reported is, to an authority", "has to be yes: the people concerned have to be told")
	lead.audited("breach-refused")
	lead.fills("settled-f-authority", "The state's, number 9", "settled-f-reported_at", time.Now().Add(-time.Hour).In(berlin(t)).Format("2006-01-02T15:04"), "settled-f-people_told", "true")
	lead.presses("Settle")
	lead.stands("Settled")
	lead.says("Settled by", "Ada Example")
	lead.audited("breach")
	c.tests(t, "PRV-07", "reported", 1, 1)
}
