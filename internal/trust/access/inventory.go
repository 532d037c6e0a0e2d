package access

// inventory is what everybody may who runs controls or systems about what the
// company runs and keeps. The registers let owners alone confirm, review and
// approve what is theirs, and a second person witness and release; that a system or
// a set of data is as its entry says is for others to approve.
var inventory = []string{
	"system.add", "system.set", "system.move", "system.comment", "system.attach", "system.link",
	"asset.add", "asset.set", "asset.move", "asset.confirm", "asset.comment", "asset.attach", "asset.link",
	"data_set.add", "data_set.set", "data_set.move", "data_set.review", "data_set.comment", "data_set.attach", "data_set.link",
	"data_disposal.add", "data_disposal.set", "data_disposal.move", "data_disposal.witness", "data_disposal.comment", "data_disposal.attach", "data_disposal.link",
	"media_disposal.add", "media_disposal.set", "media_disposal.move", "media_disposal.release", "media_disposal.comment", "media_disposal.attach", "media_disposal.link",
	"data_copy.add", "data_copy.set", "data_copy.move", "data_copy.approve", "data_copy.comment", "data_copy.attach", "data_copy.link",
	"device.add", "device.set", "device.move", "device.comment", "device.attach", "device.link",
	"device_posture.add", "device_posture.comment", "device_posture.link",
	"malware_detection.add", "malware_detection.set", "malware_detection.move", "malware_detection.comment", "malware_detection.attach", "malware_detection.link",
	"site.add", "site.set", "site.move", "site.comment", "site.attach", "site.link",
	"site_review.add", "site_review.set", "site_review.move", "site_review.comment", "site_review.attach", "site_review.link",
	"continuity_plan.add", "continuity_plan.set", "continuity_plan.move", "continuity_plan.comment", "continuity_plan.attach", "continuity_plan.link",
	"plan_practice.add", "plan_practice.set", "plan_practice.move", "plan_practice.review", "plan_practice.comment", "plan_practice.attach", "plan_practice.link",
	"restore_trial.add", "restore_trial.set", "restore_trial.move", "restore_trial.review", "restore_trial.comment", "restore_trial.attach", "restore_trial.link",
	"capacity_review.add", "capacity_review.set", "capacity_review.move", "capacity_review.review", "capacity_review.comment", "capacity_review.attach", "capacity_review.link",
	"backup.add", "backup.set", "backup.comment", "backup.link",
	"capacity_warning.add", "capacity_warning.set", "capacity_warning.move", "capacity_warning.comment", "capacity_warning.attach", "capacity_warning.link",
	"outage.add", "outage.set", "outage.move", "outage.correct", "outage.confirm", "outage.comment", "outage.attach", "outage.link",
	"specification.add", "specification.set", "specification.move", "specification.comment", "specification.attach", "specification.link",
	"input_batch.add", "input_batch.set", "processing_run.add", "processing_run.set", "delivery.add", "delivery.set", "storage_check.add", "storage_check.set",
}

// inventoryApproval is what those may who say that it is as it should be.
var inventoryApproval = []string{"system.move", "system.approve", "data_set.move", "data_set.approve", "site_review.move", "site_review.confirm", "continuity_plan.move", "continuity_plan.approve", "specification.move", "specification.approve"}

// inventoryKeeping is what those may who keep all of it.
var inventoryKeeping = []string{
	"system.*", "asset.*", "data_set.*", "data_disposal.*", "media_disposal.*", "data_copy.*",
	"device.*", "device_posture.*", "malware_detection.*", "site.*", "site_review.*",
	"continuity_plan.*", "plan_practice.*", "restore_trial.*", "capacity_review.*", "backup.*", "capacity_warning.*", "outage.*",
	"specification.*", "input_batch.*", "processing_run.*", "delivery.*", "storage_check.*",
}
