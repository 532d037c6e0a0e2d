package app

import (
	"slices"

	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/actions"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/exercises"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/pentests"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/operations/devices"
	"scaf.dev/scaf/internal/operations/sites"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
)

// Kinds is the one list of what is kept as records. A new register is one
// folder and one line here.
var Kinds = slices.Concat(record.Kinds{
	changes.Register,
	people.Register,
	people.JobChanges,
	people.Agreements,
	people.Reviews,
	people.ConductCases,
	people.Messages,
	hris.Deliveries,
	hris.Reconciliations,
	findings.Register,
	assessments.Register,
	actions.Register,
	exercises.Register,
	pentests.Register,
	meetings.Register,
	policies.Register,
	policies.Versions,
	policies.Acknowledgments,
	training.Courses,
	training.Register,
	training.Completions,
	risks.Register,
	risks.Assessments,
	vendors.Register,
	vendors.Assessments,
	vendors.Contracts,
	vendors.Reports,
	vendors.Subprocessors,
	systems.Register,
	systems.Assets,
	systems.DataSets,
	systems.Disposals,
	systems.Media,
	systems.Copies,
	devices.Register,
	devices.Postures,
	devices.Detections,
	sites.Register,
	sites.Reviews,
	tasks.Register,
	tasks.Performances,
	notifications.Register,
	access.Tokens,
	accounts.Register,
	periods.Register,
	populations.Register,
	results.Register,
	documents.Register,
	resolutions.Register,
	versions.Register,
	versions.Assessments,
	judgments.Deviations,
	judgments.Conclusions,
}, attached.Kinds)
