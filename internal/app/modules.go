package app

import (
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/actions"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/exercises"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/pentests"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/privacy"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/operations/continuity"
	"scaf.dev/scaf/internal/operations/devices"
	"scaf.dev/scaf/internal/operations/processing"
	"scaf.dev/scaf/internal/operations/sites"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
)

// Areas are what is kept as records, by what it is about, in the order in which people
// read of it. A new register is one folder and one line here.
var Areas = []record.Area{
	{Title: "Governance", Kinds: record.Kinds{
		policies.Register,
		policies.Versions,
		policies.Acknowledgments,
		meetings.Register,
		actions.Register,
		communication.Announcements,
		regulations.Register,
		regulations.Feeds,
		regulations.Notices,
	}},
	{Title: "People and training", Kinds: record.Kinds{
		people.Register,
		people.JobChanges,
		people.Agreements,
		people.Reviews,
		people.ConductCases,
		training.Courses,
		training.Register,
		training.Completions,
		people.Messages,
		hris.Deliveries,
		hris.Reconciliations,
	}},
	{Title: "Risks and findings", Kinds: record.Kinds{
		risks.Register,
		risks.Assessments,
		risks.Scales,
		findings.Register,
		exercises.Register,
		pentests.Register,
	}},
	{Title: "Vendors and customers", Kinds: record.Kinds{
		vendors.Register,
		vendors.Assessments,
		vendors.Contracts,
		vendors.Reports,
		vendors.Subprocessors,
		communication.Commitments,
		communication.Reports,
	}},
	{Title: "Privacy", Kinds: record.Kinds{
		privacy.Activities,
		privacy.Notices,
		privacy.Requests,
		privacy.Breaches,
		privacy.Complaints,
		privacy.Consents,
		privacy.Disclosures,
		privacy.Erasures,
		privacy.Checks,
	}},
	{Title: "Systems, data and sites", Kinds: record.Kinds{
		systems.Register,
		systems.Assets,
		systems.DataSets,
		systems.Copies,
		systems.Disposals,
		systems.Media,
		devices.Register,
		devices.Postures,
		devices.Detections,
		sites.Register,
		sites.Reviews,
		changes.Register,
	}},
	{Title: "Continuity and processing", Kinds: record.Kinds{
		continuity.Plans,
		continuity.Practices,
		continuity.Trials,
		continuity.Backups,
		continuity.CapacityReviews,
		continuity.Warnings,
		continuity.Outages,
		processing.Specifications,
		processing.Batches,
		processing.Runs,
		processing.Deliveries,
		processing.Checks,
	}},
	{Title: "Controls and their tests", Kinds: record.Kinds{
		assessments.Register,
		periods.Register,
		tasks.Register,
		tasks.Performances,
		versions.Register,
		versions.Assessments,
		documents.Register,
		populations.Register,
		results.Register,
		judgments.Deviations,
		resolutions.Register,
		judgments.Conclusions,
	}},
	{Title: "SCAF itself", Kinds: record.Kinds{
		accounts.Register,
		access.Tokens,
		notifications.Register,
	}},
	{Title: "Beside records", Kinds: attached.Kinds},
}

// Kinds are all of them.
var Kinds = kindsOf(Areas)

func kindsOf(areas []record.Area) (all record.Kinds) {
	for _, area := range areas {
		all = append(all, area.Kinds...)
	}
	return all
}
