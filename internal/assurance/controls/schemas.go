package controls

import (
	"slices"

	"scaf.dev/scaf/internal/record"
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
	// Days are the fields of which only the day counts, by name: what is due by one is in
	// time until that day ends in the organisation's time zone.
	Days map[string]record.Field
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

// Builtin returns the schemas of the sources that SCAF itself keeps: the
// ledger's events, the registers with the fields of their structs, and what is
// computed from them.
func Builtin(kinds record.Kinds) Schemas {
	schemas := Schemas{
		"events": {
			ID: "item.id", At: "item.time",
			Fields: []expr.Field{
				{Name: "id", Type: expr.String}, {Name: "source", Type: expr.String}, {Name: "type", Type: expr.String}, {Name: "subject", Type: expr.String},
				{Name: "actor", Type: expr.String}, {Name: "outcome", Type: expr.String},
				{Name: "time", Type: expr.Timestamp}, {Name: "recordedtime", Type: expr.Timestamp}, {Name: "data", Type: expr.Dyn}, {Name: "index", Type: expr.Int},
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
	for _, kind := range kinds {
		if !kind.Internal {
			schemas[kind.Register] = Schema{Fields: kind.Schema(), ID: "item." + kind.IDField, At: instant(kind.At), Days: days(kind.Schema(), kind.Field)}
		}
		for _, derived := range kind.Derived {
			schemas[derived.Name] = Schema{Fields: derived.Schema(), ID: "item.id", At: instant(derived.At), Days: days(derived.Schema(), derived.Field)}
		}
	}
	return schemas
}

// days are the fields of which only the day counts.
func days(schema []expr.Field, field func(name string) record.Field) map[string]record.Field {
	days := map[string]record.Field{}
	for _, f := range schema {
		if described := field(f.Name); described.Whole() {
			days[f.Name] = described
		}
	}
	return days
}

// instant is the expression of an item's instant; empty when it has none.
func instant(field string) string {
	if field == "" {
		return ""
	}
	return "item." + field
}
