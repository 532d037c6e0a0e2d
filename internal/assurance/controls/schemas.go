package controls

// Builtin returns the schemas of the sources that SCAF itself keeps. What
// writes these records and events decides what is in them; a field is listed
// here when controls may read it.
func Builtin() Schemas {
	person := []Field{{"name", String}, {"email", String}}
	return Schemas{
		"changes": {
			ID: "item.id", At: "item.merged_at",
			Fields: []Field{
				{"id", String}, {"title", String},
				{"author", Object(person...)}, {"committer", Object(person...)},
				{"reviewers", List(Object(person...))},
				{"authored_at", Timestamp}, {"merged_at", Timestamp},
				{"merge", Bool}, {"repository", String}, {"asserted", Bool},
				{"state", String}, {"deployed_at", Timestamp}, {"ticket", String}, {"note", String},
			},
		},
		"people": {
			ID: "item.id", At: "item.joined_at",
			Fields: []Field{
				{"id", String}, {"name", String}, {"email", String}, {"title", String},
				{"department", String}, {"manager", String}, {"employment", String}, {"state", String},
				{"joined_at", Timestamp}, {"left_at", Timestamp},
				{"access_ended_at", Timestamp}, {"background_check_at", Timestamp},
				{"policies_acknowledged_at", Timestamp}, {"training_completed_at", Timestamp},
			},
		},
		"events": {
			ID: "item.id", At: "item.time",
			Fields: []Field{
				{"id", String}, {"source", String}, {"type", String}, {"subject", String},
				{"actor", String}, {"outcome", String},
				{"time", Timestamp}, {"recordedtime", Timestamp}, {"data", Dyn}, {"index", Int},
			},
		},
		"occurrences": {
			ID: "item.id", At: "item.due_at",
			Fields: []Field{
				{"id", String}, {"duty", String}, {"title", String}, {"frequency", String},
				{"owner", String}, {"responsible", String},
				{"opens_at", Timestamp}, {"due_at", Timestamp}, {"deadline", Timestamp}, {"state", String},
				{"done_at", Timestamp}, {"done_by", String}, {"ok", Bool}, {"note", String}, {"evidence", List(String)},
				{"reason", String}, {"reason_by", String}, {"event", Int},
				{"escalated_to", String}, {"escalated_at", Timestamp},
			},
		},
		"log_checks": {
			ID: "item.id", At: "item.due_at",
			Fields: []Field{
				{"id", String}, {"due_at", Timestamp}, {"done_at", Timestamp}, {"ok", Bool}, {"event", Int},
			},
		},
	}
}
