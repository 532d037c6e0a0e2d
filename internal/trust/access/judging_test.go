package access_test

import (
	"slices"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/trust/access"
)

// Who may decide what about controls, written down: everybody else is denied.
func TestWhoMayDecide(t *testing.T) {
	for action, allowed := range map[string][]string{
		"control.propose":            {"administrator", "ciso", "compliance", "control-owner", "engineer"},
		"control.approve":            {"administrator", "ciso", "compliance", "executive"},
		"control.assess":             {"administrator", "ciso", "compliance"},
		"control.conclude":           {"administrator", "ciso", "compliance"},
		"audit.conclude":             {"auditor"},
		"deviation.state":            {"administrator", "ciso", "compliance", "control-owner", "engineer"},
		"deviation.confirm":          {"administrator", "ciso", "compliance"},
		"finding.add":                {"administrator", "ciso", "compliance", "control-owner", "engineer"},
		"finding.move":               {"administrator", "ciso", "compliance", "control-owner", "engineer", "executive"},
		"finding.close":              {"administrator", "ciso", "compliance"},
		"finding.accept":             {"administrator", "ciso", "compliance", "executive"},
		"self_assessment.add":        {"administrator", "ciso", "compliance", "control-owner", "engineer"},
		"self_assessment.set":        {"administrator", "ciso", "compliance", "control-owner", "engineer"},
		"self_assessment.move":       {"administrator", "ciso", "compliance", "control-owner", "engineer"},
		"self_assessment.review":     {"administrator", "ciso", "compliance"},
		"course.offer":               {"administrator", "ciso", "compliance"},
		"training.assign":            {"administrator", "ciso", "compliance"},
		"training.add":               {"administrator", "ciso", "compliance"},
		"training.move":              {"administrator"}, // and every account, of its own
		"training_completion.add":    {"administrator", "ciso", "compliance"},
		"vendor.add":                 {"administrator", "ciso", "compliance", "control-owner"},
		"vendor.approve":             {"administrator", "ciso", "compliance", "executive"},
		"vendor_assessment.add":      {"administrator", "ciso", "compliance"},
		"vendor_contract.set":        {"administrator", "ciso", "compliance"},
		"vendor_contract.confirm":    {"administrator", "ciso", "compliance", "executive"},
		"subprocessor.review":        {"administrator", "ciso", "compliance"},
		"action.add":                 {"administrator", "ciso", "compliance", "control-owner", "engineer", "executive"},
		"action.drop":                {"administrator", "ciso", "compliance", "executive"},
		"exercise.add":               {"administrator", "ciso", "compliance", "control-owner", "engineer"},
		"exercise.review":            {"administrator", "ciso", "compliance", "executive"},
		"penetration_test.add":       {"administrator", "ciso", "compliance"},
		"penetration_test.authorize": {"administrator", "ciso", "compliance", "executive"},
		"penetration_test.close":     {"administrator", "ciso", "compliance", "executive"},
		"meeting.add":                {"administrator", "ciso", "compliance", "control-owner", "engineer", "executive"},
		"meeting.confirm":            {"administrator", "ciso", "compliance", "control-owner", "engineer", "executive"},
		"meeting.prepare":            {"administrator", "ciso", "compliance", "executive"},
		"regulation.review":          {"administrator", "ciso", "compliance"},
		"regulation.retire":          {"administrator", "ciso", "compliance", "executive"},
		"regulatory_feed.add":        {"administrator", "ciso", "compliance"},
		"regulatory_feed.fetch":      {"administrator", "ciso", "compliance"},
		"regulatory_notice.move":     {"administrator", "ciso", "compliance"},
		"announcement.approve":       {"administrator", "ciso", "compliance", "executive"},
		"commitment.approve":         {"administrator", "ciso", "compliance", "executive"},
		"outside_report.add":         {"administrator", "ciso", "compliance", "control-owner", "engineer"},
		"privacy_notice.approve":     {"administrator", "ciso", "compliance", "executive"},
		"subject_request.read":       {"administrator", "auditor", "ciso", "compliance"},
		"subject_request.extend":     {"administrator", "ciso", "compliance"},
		"subject_request.withdraw":   {"administrator", "ciso", "compliance"},
		"subject_request.correct":    {"administrator", "ciso", "compliance"},
		"consent.read":               {"administrator", "auditor", "ciso", "compliance"},
		"privacy_breach.add":         {"administrator", "ciso", "compliance", "control-owner", "engineer"},
		"privacy_breach.judge":       {"administrator", "ciso", "compliance"},
		"erasure.keep":               {"administrator", "ciso", "compliance"},
		"risk.add":                   {"administrator", "ciso", "compliance", "control-owner"},
		"risk.move":                  {"administrator", "ciso", "compliance", "control-owner", "executive"},
		"risk.accept":                {"administrator", "ciso", "compliance", "executive"},
		"risk_assessment.add":        {"administrator", "ciso", "compliance"},
		"risk_assessment.approve":    {"administrator", "ciso", "compliance", "executive"},
		"risk_scale.add":             {"administrator", "ciso", "compliance"},
		"risk_scale.set":             {"administrator", "ciso", "compliance"},
		"risk_scale.move":            {"administrator", "ciso", "compliance", "executive"},
		"risk_scale.approve":         {"administrator", "ciso", "compliance", "executive"},
		"finding.watch":              {"administrator", "ciso", "compliance"},
		"account.create":             {"administrator", "ciso"},
		"session.begin":              {"administrator"},

		"policy_version.add":     {"administrator", "ciso", "compliance"},
		"policy_version.set":     {"administrator", "ciso", "compliance"},
		"policy_version.approve": {"ciso", "executive"},
		"policy_version.publish": {"administrator", "ciso", "compliance"},
		"policy.retire":          {"ciso", "executive"},
	} {
		for _, role := range append(access.Roles.Names(), "job/report.readiness", "nobody") {
			err := access.Roles.Authorize(act.Caller{ID: "x", Roles: []string{role}}, action, "")
			if (err == nil) != slices.Contains(allowed, role) {
				t.Errorf("%s as %s: %v", action, role, err)
			}
		}
	}
}
