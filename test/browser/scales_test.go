package browser

import (
	"testing"
	"time"
)

// Somebody proposes a scale, another one brings it into force, and a risk that was
// rated before is rated on it.
func TestAScaleAndItsRisks(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "ciso")
	v := s.signs(t, "compliance")
	v.goes("/new/risks")
	v.fills("f-title", "A laptop is lost", "f-category", "security", "f-owner", "person/ciso", "f-likelihood", "5", "f-impact", "4")
	v.presses("Add it")
	v.holds("main", "20", "critical")

	v.goes("/new/risk_scales")
	v.holds("main", "A name on each line, 3 to 7 of them")
	v.audited("scale-new")
	v.fills("f-title", "Three by three", "f-rate_by", time.Now().AddDate(0, 1, 0).Format(time.DateOnly),
		"f-likelihoods", "seldom\nyearly\noften", "f-likelihood_meanings", "once in 10 years\nexpected within a year\nmore often",
		"f-impacts", "small\nlarge\nruin", "f-impact_meanings", "below 10 k€\na day of outage\nthe end",
		"f-levels", "green\nred", "f-level_from", "1\n4", "f-control_from", "6")
	v.presses("Add it")
	v.at("/r/risk_scales/SCL-1", "Three by three")
	v.holds("main", "Put in force: for somebody else to do")

	other := s.signs(t, "ciso")
	other.goes("/r/risk_scales/SCL-1")
	other.presses("Put in force")
	other.holds("main", "Approved by", "Example Ciso")
	other.audited("scale")

	v.goes("/risks")
	v.holds("main", "SCL-1 Three by three", "Rated on an earlier scale", "A laptop is lost", "critical")
	v.audited("risk-map-earlier")
	v.goes("/r/risks/RSK-1/edit")
	v.fills("f-scale", "risk_scale/SCL-1")
	if status := v.sends("Save"); status != 422 {
		t.Errorf("a rating of another scale is answered with %d", status)
	}
	v.holds("[role=alert]", "was 5 almost certain on SCL-0: choose what it is on SCL-1")
	v.fills("f-likelihood", "2", "f-impact", "3")
	v.presses("Save")
	v.holds("main", "6", "red")
	v.goes("/risks")
	v.holds("main", "green, 1 to 3", "red, 4 to 9", "1 rated")
	v.audited("risk-map-scale")
}
