package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// An asset comes on the list by one person, and is confirmed by its owner.
func TestAnAssetIsConfirmedByItsOwner(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "engineer")
	v := s.signs(t, "engineer")
	v.goes("/new/assets")
	v.fills("f-name", "Calendar connector", "f-kind", "integration", "f-owner", "person/compliance", "f-data_class", "internal", "f-flows", "The calendar's provider", "f-scopes", "read calendar")
	v.presses("Add it")
	v.at("/r/assets/AST-1", "Calendar connector")
	v.holds("main", "Listed by", "Example Engineer", "Confirmation due")

	owner := s.signs(t, "compliance")
	owner.goes("/r/assets/AST-1")
	owner.fills("in_use-f-data_class", "confidential")
	owner.presses("Confirm")
	owner.at("/r/assets/AST-1", "Calendar connector")
	owner.holds("main", "Confirmed by", "Example Compliance", "confidential")
	owner.audited("asset")
}

// A review of a site is done by one person and confirmed by another.
func TestASiteIsReviewed(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "engineer")
	v := s.signs(t, "engineer")
	v.goes("/new/sites")
	v.fills("f-id", "berlin", "f-name", "Berlin", "f-purpose", "office", "f-owner", "person/engineer")
	v.presses("Add it")
	v.goes("/r/site_reviews")
	v.follows("main", "Open a quarter")
	v.audited("round")
	v.presses("Open the quarter") // this one
	v.follows("main", "PAR-berlin-")
	review := v.path()
	v.holds("main", "Example Engineer")
	v.fills("reviewed-f-compared", "The list of badges", "reviewed-f-holders", "9", "reviewed-f-unneeded", "2", "reviewed-f-ended", "2")
	v.presses("Record the review")
	v.holds("main", "Reviewed by", "Example Engineer")

	other := s.signs(t, "compliance")
	other.goes(review)
	other.unfolds("Confirm")
	other.presses("Confirm")
	other.holds("main", "Confirmed by", "Example Compliance")
	other.audited("site-review")
}

// A restore is measured against its plan, once that is approved: SCAF says whether it passed.
func TestARestoreIsMeasured(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "engineer", "executive")
	v := s.signs(t, "engineer")
	v.goes("/new/continuity_plans")
	v.fills("f-function", "The API", "f-owner", "person/engineer", "f-deputy", "person/compliance", "f-recovery_time", "4h", "f-recovery_point", "1h", "f-steps", "Restore it.", "f-kept_at", "On paper")
	v.presses("Add it")
	plan := v.path()
	v.goes("/new/restore_trials")
	v.fills("f-plan", "continuity_plan/PLN-1", "f-quarter", "2026-Q1", "f-owner", "person/engineer", "f-store", "The database")
	v.presses("Add it")
	v.fills("done-f-started_at", "2026-02-01T09:00", "done-f-restored_at", "2026-02-01T14:00", "done-f-data_until", "2026-02-01T08:30", "done-f-whole", "true")
	if status := v.sends("Record that it was done"); status != 422 {
		t.Errorf("a restore against a draft is answered with %d", status)
	}
	v.holds("main", "measured against the objectives that were approved")
	executive := s.signs(t, "executive")
	executive.goes(plan)
	executive.presses("Put in force")
	v.presses("Record that it was done")
	v.holds("main", "5 hours", "30 minutes", "Failed")
	v.audited("restore-trial")
}

// Boards pan in their own frame, on a phone, too; Escape closes the moves of a card.
func TestBoardsFitAPhone(t *testing.T) {
	t.Parallel()
	v := demonstration(t).signs(t, "compliance")
	for _, register := range []string{"findings", "vendors", "risks"} {
		v.goes("/r/" + register + "?view=board")
		v.audited("board-" + register)
	}
	v.do(chromedp.Focus(chromedp.CSS(".board summary")), v.typing(kb.Enter), chromedp.Poll[chromedp.Void](`document.activeElement.closest("details")?.open === true`))
	v.types(kb.Tab)
	v.do(v.typing(kb.Escape), chromedp.Poll[chromedp.Void](`document.activeElement.matches(".board details:not([open]) > summary")`))
}

// What a function runs on is gone through by one person and read by another; what runs short
// wants a decision.
func TestCapacityIsReviewed(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "engineer")
	v := s.signs(t, "engineer")
	v.adds("continuity_plans", "f-function", "The API", "f-owner", "person/engineer", "f-deputy", "person/compliance", "f-recovery_time", "4h", "f-recovery_point", "1h", "f-steps", "Restore it.", "f-kept_at", "On paper")
	v.adds("capacity_reviews", "f-plan", "continuity_plan/PLN-1", "f-quarter", "2026-Q1", "f-owner", "person/engineer")
	v.fills("done-f-demand", "A launch in May.", "done-f-resources-0-what", "The disk of the API", "done-f-resources-0-measured", "700 GB of 800 GB", "done-f-resources-0-enough_until", "2026-05-31")
	if status := v.sends("Record that it was done"); status != 422 {
		t.Fatalf("what runs short without a decision is answered with %d", status)
	}
	v.holds("main", "say what is done about it")
	v.audited("capacity-refused")
	v.fills("done-f-resources-0-decision", "It is doubled in April.")
	v.presses("Record that it was done")
	v.stands("Done")
	v.holds("main", "The disk of the API", "700 GB of 800 GB", "It is doubled in April.")
	v.audited("capacity-review")
	v.picture("capacity-review")

	other := s.signs(t, "compliance")
	other.goes("/r/capacity_reviews/CPR-PLN-1-2026-Q1")
	other.presses("Record the review")
	other.stands("Reviewed")
	other.holds("main", "Reviewed by", "Example Compliance")
}

// A card is moved on its board by the keyboard: by the form of a move that asks for
// something, and at once where it asks for nothing.
func TestACardIsMovedOnItsBoard(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "engineer")
	v := s.signs(t, "engineer")
	v.adds("continuity_plans", "f-function", "The API", "f-owner", "person/engineer", "f-deputy", "person/compliance", "f-recovery_time", "4h", "f-recovery_point", "1h", "f-steps", "Restore it.", "f-kept_at", "On paper")
	v.adds("restore_trials", "f-plan", "continuity_plan/PLN-1", "f-quarter", "2026-Q1", "f-owner", "person/engineer", "f-store", "The database")
	v.goes("/r/restore_trials?view=board")
	opens := func() {
		t.Helper()
		v.do(chromedp.Focus(chromedp.CSS(".board summary")), v.typing(kb.Enter), chromedp.Poll[chromedp.Void](`document.activeElement.closest("details")?.open === true`))
	}
	opens()
	v.holds(".board", "Record that it was done …", "Withdraw …")
	v.audited("board")
	v.follows(".board", "Withdraw …") // its form is open
	v.fills("withdrawn-f-withdrawn_reason", "The plan is another one.")
	v.presses("Withdraw")
	v.stands("Withdrawn")

	v.goes("/r/restore_trials?view=board")
	opens()
	v.tabTo("Back to planned")
	v.loads(v.typing(kb.Enter))
	v.at("/r/restore_trials?view=board#c-RT-PLN-1-2026-Q1", "Restore trials")
	v.holds(`section[aria-labelledby="s-planned"]`, "RT-PLN-1-2026-Q1")
	v.audited("board-moved")
	other := s.signs(t, "compliance")
	other.goes("/r/restore_trials/RT-PLN-1-2026-Q1")
	other.stands("Planned")
}
