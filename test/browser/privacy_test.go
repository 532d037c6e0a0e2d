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

	// The next version replaces it with being published.
	next := v.adds("privacy_notices", "f-title", "Customers' users", "f-version", "2", "f-text", "# What we do\n\nWe screen people, and pay them.", "f-purposes", "screening\npayment", "f-data", "names\ndates of birth")
	v.goes(next + "/edit")
	v.ticks("f.covers", "kinds of data", "purposes", "recipients", "retention", "rights", "contact")
	v.presses("Save")
	executive.goes(next)
	executive.presses("Approve")
	v.goes(next)
	v.unfolds("Publish")
	v.fills("published-f-published_at", "2026-05-10T09:00", "published-f-effective_at", "2026-06-01T00:00", "published-f-address", "https://example.com/privacy", "published-f-readers_told", "true",
		"published-f-previous", ref("privacy_notice", notice), "published-f-previous_kept", "true")
	v.presses("Publish")
	v.stands("Published")
	v.goes(notice)
	v.stands("Replaced")
	v.says("In effect until", "2026-06-01")

	c.tests(t, "PRV-01", "notices", 2, 2)
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
	if lead.offers("Settle") {
		t.Error("who judged it is offered to settle it, too")
	}
	lead = c.signs(t, "ciso")
	lead.goes(path)
	lead.unfolds("Settle")
	if status := lead.sends("Settle"); status != 422 {
		t.Errorf("a breach that was not reported is answered with %d", status)
	}
	lead.holds("main", "is not named: a breach that must be reported is, to an authority", "has to be yes: the people concerned have to be told")
	lead.audited("breach-refused")
	lead.fills("settled-f-authority", "The state's, number 9", "settled-f-reported_at", time.Now().Add(-time.Hour).In(berlin(t)).Format("2006-01-02T15:04"), "settled-f-people_told", "true")
	lead.presses("Settle")
	lead.stands("Settled")
	lead.says("Settled by", "Ben Example")
	lead.audited("breach")
	c.tests(t, "PRV-07", "reported", 1, 1)
}

// What is known of a person is erased as they asked, copies included. What another one agreed
// to be kept is kept, as somebody other than its owner says with the consent that shows it.
func TestAnErasureAndWhatIsKept(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	yesterday := minute(t, time.Now().AddDate(0, 0, -1))
	request := lead.adds("subject_requests", "f-subject", "u-17", "f-kind", "erasure", "f-law", "GDPR", "f-handler", "person/E1", "f-received_at", yesterday)
	lead.goes("/new/erasures")
	lead.fills("f-subject", "u-17", "f-reason", "request", "f-request", "subject_request/PRQ-9", "f-owner", "person/E2", "f-due_at", yesterday)
	if status := lead.sends("Add it"); status != 422 {
		t.Errorf("a request that is not there is answered with %d", status)
	}
	lead.holds("[role=alert]", "subject_request/PRQ-9 names no record")
	lead.fills("f-request", ref("subject_request", request))
	lead.presses("Add it")
	erasure := lead.path()
	lead.says("Person", "u-17")
	lead.says("Owner", "Ben Example")

	owner := c.signs(t, "ciso")
	owner.goes("/work")
	owner.holds("main", "Erase the personal data")
	owner.follows("main", erasure)
	if owner.offers("Record why it is kept") {
		t.Error("the owner is offered to say that it is kept")
	}
	owner.unfolds("Record that it was done")
	owner.fills("done-f-method", "The key was destroyed", "done-f-copies_included", "true")
	if status := owner.sends("Record that it was done"); status != 422 {
		t.Errorf("an erasure without a word of the recipients is answered with %d", status)
	}
	owner.holds("[role=alert]", "Recipients told: is needed")
	owner.audited("erasure-refused")
	owner.fills("done-f-recipients_told", "true")
	owner.presses("Record that it was done")
	owner.stands("Done")
	owner.says("Method", "The key was destroyed")
	owner.says("Done by", "Ben Example")
	owner.audited("erasure")

	late := lead.adds("erasures", "f-subject", "u-18", "f-reason", "time is over", "f-owner", "person/E2", "f-due_at", "2026-02-01T09:00")
	owner.goes(late)
	owner.unfolds("Record that it was done")
	owner.fills("done-f-method", "Deleted", "done-f-copies_included", "false", "done-f-recipients_told", "true")
	owner.presses("Record that it was done")

	kept := lead.adds("erasures", "f-subject", "u-19", "f-reason", "time is over", "f-owner", "person/E2", "f-due_at", "2026-02-01T09:00")
	lead.unfolds("Record why it is kept")
	lead.fills("kept-f-consent_to_keep", "consent/C-19")
	if status := lead.sends("Record why it is kept"); status != 422 {
		t.Errorf("a consent that is not there is answered with %d", status)
	}
	lead.holds("[role=alert]", "consent/C-19 names no record")
	lead.fills("kept-f-consent_to_keep", "Their letter of 2026-01-20")
	lead.presses("Record why it is kept")
	lead.stands("Kept")
	lead.says("Confirmed by", "Ada Example")
	lead.says("Agreed to be kept", "Their letter of 2026-01-20")
	lead.audited("erasure-kept")

	// What is granted is owed: another request opens its erasure with the answer; the first one had it.
	lead.goes(request)
	lead.fills("answered-f-identity_checked_at", yesterday, "answered-f-outcome", "granted", "answered-f-answer", "A letter")
	lead.presses("Record the answer")
	asked := lead.adds("subject_requests", "f-subject", "u-20", "f-kind", "erasure", "f-law", "GDPR", "f-handler", "person/E1", "f-received_at", yesterday)
	lead.fills("answered-f-identity_checked_at", yesterday, "answered-f-outcome", "granted", "answered-f-answer", "A letter")
	lead.presses("Record the answer")
	lead.goes("/r/erasures/ERA-4")
	lead.stands("Due")
	lead.says("Person", "u-20")
	lead.says("Owner", "Ada Example")
	lead.follows("main", asked)

	engineer := c.signs(t, "engineer")
	if status := engineer.goes(kept); status != 403 {
		t.Errorf("an engineer opens what is personal: %d", status)
	}
	reader := c.signs(t, "auditor")
	reader.goes("/r/erasures?f.state=kept")
	reader.holds("main", "u-19")
	c.tests(t, "PRV-04", "erased", 3, 1) // what is kept is none that was due
}

// A complaint about privacy is settled by whoever has it, with what was changed for everybody
// where it was right.
func TestAComplaintAboutPrivacy(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	path := lead.adds("privacy_complaints", "f-title", "Too many letters", "f-channel", "A form", "f-handled_by", "person/E2", "f-received_at", minute(t, time.Now().Add(-time.Hour)))
	lead.stands("Received")

	v := c.signs(t, "ciso")
	v.goes("/work")
	v.holds("main", "Settle the privacy complaint")
	v.follows("main", path)
	v.fills("settled-f-justified", "true", "settled-f-outcome", "They were written to every day.", "settled-f-sender_told", "true")
	if status := v.sends("Settle"); status != 422 {
		t.Errorf("a complaint that was right and changed nothing is answered with %d", status)
	}
	v.holds("[role=alert]", "something is changed for everybody")
	v.audited("privacy-complaint-refused")
	v.fills("settled-f-correction", "There is one letter a week.")
	v.presses("Settle")
	v.stands("Settled")
	v.says("Outcome", "They were written to every day.")
	v.says("What was changed", "There is one letter a week.")
	v.says("Settled by", "Ben Example")
	v.audited("privacy-complaint")

	// This one waited for months, and was wrong: nothing had to change.
	lead.adds("privacy_complaints", "f-title", "No answer", "f-channel", "A letter", "f-handled_by", "person/E1", "f-received_at", "2026-02-01T09:00")
	lead.fills("settled-f-justified", "false", "settled-f-outcome", "It was answered on the same day.", "settled-f-sender_told", "true")
	lead.presses("Settle")
	lead.says("Settled by", "Ada Example")
	if status := c.signs(t, "control-owner").goes(path); status != 403 {
		t.Errorf("a complaint is shown to whoever owns a control: %d", status)
	}
	c.tests(t, "PRV-08", "settled", 2, 1)
}

// Our own practice is held against the notice: what that shows has an owner, and where it
// shows nothing, that is said. A check that was planned in vain is withdrawn by somebody else.
func TestOurPracticeIsCheckedAgainstTheNotice(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	today := minute(t, time.Now())
	path := lead.adds("privacy_checks", "f-title", "Practice against the notice", "f-owner", "person/E2", "f-due_at", today)

	v := c.signs(t, "ciso")
	v.goes("/work")
	v.holds("main", "Check our practice against the notice")
	v.follows("main", path)
	v.unfolds("Record that it was done")
	v.fills("done-f-scope", "Ten activities, and a sample of thirty people", "done-f-result", "One activity keeps data too long.")
	if status := v.sends("Record that it was done"); status != 422 {
		t.Errorf("a check that says nothing of what it found is answered with %d", status)
	}
	v.holds("[role=alert]", "are to be named, or else it is said that there are none")
	v.audited("privacy-check-refused")
	v.fills("done-f-findings-0-text", "Applications are kept for two years", "done-f-findings-0-owner", "person/E5")
	v.presses("Record that it was done")
	v.stands("Done")
	v.says("Looked at", "a sample of thirty people")
	v.holds("main", "Applications are kept for two years", "Emil Example")
	v.says("Done by", "Ben Example")
	v.audited("privacy-check")

	lead.adds("privacy_checks", "f-title", "The same in the subsidiary", "f-owner", "person/E1", "f-due_at", today)
	lead.unfolds("Record that it was done")
	lead.fills("done-f-scope", "All of its activities", "done-f-no_findings", "true", "done-f-result", "Practice is as the notice says.")
	lead.presses("Record that it was done")
	lead.says("Nothing found", "Yes")

	vain := lead.adds("privacy_checks", "f-title", "A site that was sold", "f-owner", "person/E1", "f-due_at", minute(t, time.Now().AddDate(0, 0, 7)))
	if lead.offers("Withdraw") {
		t.Error("the owner is offered to withdraw the check")
	}
	v.goes(vain)
	v.unfolds("Withdraw")
	v.fills("withdrawn-f-withdrawn_reason", "It is no longer ours.")
	v.presses("Withdraw")
	v.stands("Withdrawn")
	v.says("Withdrawn by", "Ben Example")
	c.tests(t, "PRV-08", "checks", 2, 2)
}
