package record

import (
	"reflect"
	"slices"
	"time"
)

// Withdrawn is the state in which a record ends of which nothing is to come: it was
// begun by mistake, or is not wanted any more. What was done about it is not said.
const Withdrawn = "withdrawn"

// Withdrawal stands, embedded, in the struct of a record that can be withdrawn. The
// engine describes its fields, and empties them when the record is taken up again.
type Withdrawal struct {
	WithdrawnReason string     `json:"withdrawn_reason,omitempty"`
	WithdrawnBy     string     `json:"withdrawn_by,omitempty"`
	WithdrawnAt     *time.Time `json:"withdrawn_at,omitempty"`
}

// withdrawal are the descriptions of the fields, in the order of pages.
var withdrawal = []Field{
	{Name: "withdrawn_reason", Label: "Why it is withdrawn", Section: "Withdrawal", Help: "Why nothing comes of it: what was wrong, or what is done instead.", Long: true, Given: true},
	{Name: "withdrawn_by", Label: "Withdrawn by", Given: true},
	{Name: "withdrawn_at", Label: "Withdrawn", Given: true},
}

// Withdrawing is the move by which a record is withdrawn, with a reason. What makes it
// somebody else's is for the register to add: see By.
func Withdrawing(from string) Transition {
	return Transition{From: from, To: Withdrawn, Required: []string{"withdrawn_reason"}, Sets: []string{"withdrawn_reason"}, Stamp: []string{"withdrawn_by", "withdrawn_at"}}
}

// By is a transition for those who have a permission, and not for whom these fields name.
func (t Transition) By(permission string, not ...string) Transition {
	t.Permission, t.NotBy = permission, slices.Clone(not)
	return t
}

// withdrawable reports whether documents of a type can be withdrawn.
func withdrawable(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	field, ok := t.FieldByName("Withdrawal")
	return ok && field.Anonymous && field.Type == reflect.TypeFor[Withdrawal]()
}
