package access_test

import (
	"slices"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/trust/access"
)

// Who may do what about what the company runs and keeps: everybody else is denied.
func TestWhoKeepsTheInventory(t *testing.T) {
	keepers := []string{"administrator", "ciso", "compliance"}
	approvers := append(slices.Clone(keepers), "executive")
	runners := append(slices.Clone(keepers), "control-owner", "engineer")
	for action, allowed := range map[string][]string{
		"system.add": runners, "system.approve": approvers, "system.dispose": keepers,
		"asset.add": runners, "asset.confirm": runners, "asset.tag": keepers,
		"data_set.add": runners, "data_set.review": runners, "data_set.approve": approvers,
		"data_disposal.add": runners, "data_disposal.witness": runners, "data_disposal.hold": keepers,
		"media_disposal.add": runners, "media_disposal.release": runners,
		"device.add": runners, "device_posture.add": runners, "device_posture.set": keepers, "malware_detection.move": runners,
		"site.add": runners, "site_review.move": append(slices.Clone(runners), "executive"), "site_review.confirm": approvers,
		"continuity_plan.add": runners, "continuity_plan.approve": approvers, "plan_practice.review": runners, "restore_trial.review": runners, "capacity_review.review": runners,
		"backup.add": runners, "capacity_warning.move": runners, "outage.move": runners, "outage.correct": runners, "outage.confirm": runners,
		"specification.add": runners, "specification.approve": approvers, "processing_run.add": append(slices.Clone(runners), "processing"), "storage_check.set": append(slices.Clone(runners), "processing"),
		"data_copy.add": runners, "data_copy.approve": runners,
	} {
		for _, role := range append(access.Roles.Names(), "job/report.readiness", "nobody") {
			err := access.Roles.Authorize(act.Caller{ID: "x", Roles: []string{role}}, action, "")
			if (err == nil) != slices.Contains(allowed, role) {
				t.Errorf("%s as %s: %v", action, role, err)
			}
		}
	}
}
