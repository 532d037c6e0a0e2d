package browser

import "testing"

// An asset comes on the list by one person, and is confirmed by its owner.
func TestAnAssetIsConfirmedByItsOwner(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "engineer")
	v := s.signs(t, "engineer")
	v.goes("/new/assets")
	v.fills("f-name", "Calendar connector", "f-kind", "integration", "f-owner", "account/compliance", "f-data_class", "internal", "f-flows", "The calendar's provider", "f-scopes", "read calendar")
	v.presses("Add it")
	v.at("/r/assets/AST-1", "Calendar connector")
	v.holds("main", "Listed by", "account/engineer", "Confirmation due")

	owner := s.signs(t, "compliance")
	owner.goes("/r/assets/AST-1")
	owner.fills("in_use-f-data_class", "confidential")
	owner.presses("Confirm")
	owner.at("/r/assets/AST-1", "Calendar connector")
	owner.holds("main", "Confirmed by", "account/compliance", "confidential")
	owner.audited("asset")
}
