package controls

import (
	"slices"

	"scaf.dev/scaf/internal/record/expr"
)

// Schema describes what a register or another source inside SCAF gives to a
// population that names it in `from`.
type Schema struct {
	Fields []expr.Field
	// ID and At are the expressions for an item's identifier and instant where
	// a control file gives none, for example "item.id" and "item.merged_at".
	// With an empty At, the control file has to say.
	ID, At string
}

// Schemas are the sources that control files may name, by name.
type Schemas map[string]Schema

// Names lists the sources in byte order.
func (s Schemas) Names() []string {
	names := make([]string, 0, len(s))
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Builtin returns the schemas of the sources that SCAF itself keeps. What
// writes these records and events decides what is in them; a field is listed
// here when controls may read it.
func Builtin() Schemas {
	person := []expr.Field{{Name: "name", Type: expr.String}, {Name: "email", Type: expr.String}}
	return Schemas{
		"changes": {
			ID: "item.id", At: "item.merged_at",
			Fields: []expr.Field{
				{Name: "id", Type: expr.String}, {Name: "title", Type: expr.String},
				{Name: "author", Type: expr.Object(person...)}, {Name: "committer", Type: expr.Object(person...)},
				{Name: "reviewers", Type: expr.List(expr.Object(person...))},
				{Name: "authored_at", Type: expr.Timestamp}, {Name: "merged_at", Type: expr.Timestamp},
				{Name: "merge", Type: expr.Bool}, {Name: "repository", Type: expr.String}, {Name: "asserted", Type: expr.Bool},
				{Name: "state", Type: expr.String}, {Name: "deployed_at", Type: expr.Timestamp}, {Name: "ticket", Type: expr.String}, {Name: "note", Type: expr.String},
			},
		},
		"people": {
			ID: "item.id", At: "item.joined_at",
			Fields: []expr.Field{
				{Name: "id", Type: expr.String}, {Name: "name", Type: expr.String}, {Name: "email", Type: expr.String}, {Name: "title", Type: expr.String},
				{Name: "department", Type: expr.String}, {Name: "manager", Type: expr.String}, {Name: "employment", Type: expr.String}, {Name: "state", Type: expr.String},
				{Name: "joined_at", Type: expr.Timestamp}, {Name: "left_at", Type: expr.Timestamp},
				{Name: "access_ended_at", Type: expr.Timestamp}, {Name: "background_check_at", Type: expr.Timestamp},
				{Name: "policies_acknowledged_at", Type: expr.Timestamp}, {Name: "training_completed_at", Type: expr.Timestamp},
			},
		},
		"events": {
			ID: "item.id", At: "item.time",
			Fields: []expr.Field{
				{Name: "id", Type: expr.String}, {Name: "source", Type: expr.String}, {Name: "type", Type: expr.String}, {Name: "subject", Type: expr.String},
				{Name: "actor", Type: expr.String}, {Name: "outcome", Type: expr.String},
				{Name: "time", Type: expr.Timestamp}, {Name: "recordedtime", Type: expr.Timestamp}, {Name: "data", Type: expr.Dyn}, {Name: "index", Type: expr.Int},
			},
		},
		"occurrences": {
			ID: "item.id", At: "item.due_at",
			Fields: []expr.Field{
				{Name: "id", Type: expr.String}, {Name: "duty", Type: expr.String}, {Name: "title", Type: expr.String}, {Name: "frequency", Type: expr.String},
				{Name: "owner", Type: expr.String}, {Name: "responsible", Type: expr.String},
				{Name: "opens_at", Type: expr.Timestamp}, {Name: "due_at", Type: expr.Timestamp}, {Name: "deadline", Type: expr.Timestamp}, {Name: "state", Type: expr.String},
				{Name: "done_at", Type: expr.Timestamp}, {Name: "done_by", Type: expr.String}, {Name: "ok", Type: expr.Bool}, {Name: "note", Type: expr.String}, {Name: "evidence", Type: expr.List(expr.String)},
				{Name: "reason", Type: expr.String}, {Name: "reason_by", Type: expr.String}, {Name: "event", Type: expr.Int},
				{Name: "escalated_to", Type: expr.String}, {Name: "escalated_at", Type: expr.Timestamp},
			},
		},
		"observations": {
			ID: "item.id", At: "item.observed_at",
			Fields: []expr.Field{
				{Name: "id", Type: expr.String}, {Name: "resource", Type: expr.String}, {Name: "check", Type: expr.String},
				{Name: "source", Type: expr.String}, {Name: "query", Type: expr.String},
				{Name: "observed_at", Type: expr.Timestamp}, {Name: "recorded_at", Type: expr.Timestamp}, {Name: "recorded_by", Type: expr.String},
				{Name: "outcome", Type: expr.String}, {Name: "reason", Type: expr.String}, {Name: "value", Type: expr.Dyn}, {Name: "index", Type: expr.Int},
			},
		},
		FromDocuments: {
			ID: "item.id", At: "item.from",
			Fields: []expr.Field{
				{Name: "id", Type: expr.String}, {Name: "from", Type: expr.Timestamp}, {Name: "to", Type: expr.Timestamp},
				{Name: "evidence", Type: expr.List(expr.Object(
					expr.Field{Name: "id", Type: expr.String}, expr.Field{Name: "file", Type: expr.String}, expr.Field{Name: "sha256", Type: expr.String},
					expr.Field{Name: "source", Type: expr.String}, expr.Field{Name: "query", Type: expr.String},
					expr.Field{Name: "collected_at", Type: expr.Timestamp}, expr.Field{Name: "effective_at", Type: expr.Timestamp},
					expr.Field{Name: "from", Type: expr.Timestamp}, expr.Field{Name: "to", Type: expr.Timestamp},
					expr.Field{Name: "prepared_by", Type: expr.String}, expr.Field{Name: "state", Type: expr.String},
				))},
			},
		},
		"log_checks": {
			ID: "item.id", At: "item.due_at",
			Fields: []expr.Field{
				{Name: "id", Type: expr.String}, {Name: "due_at", Type: expr.Timestamp}, {Name: "done_at", Type: expr.Timestamp}, {Name: "ok", Type: expr.Bool}, {Name: "event", Type: expr.Int},
			},
		},
	}
}
