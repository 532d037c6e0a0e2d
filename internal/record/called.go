package record

import (
	"slices"
	"strings"
)

// verbs are what people do who bring a record into a state. A register that calls it
// otherwise says so of the move (Transition.Called).
var verbs = map[string]string{
	"accepted":      "Accept",
	"acknowledged":  "Acknowledge",
	"active":        "Begin its use",
	"answered":      "Record the answer",
	"approved":      "Approve",
	"assessed":      "Finish the assessment",
	"cancelled":     "Cancel",
	"closed":        "Close",
	"completed":     "Record that it was completed",
	"confirmed":     "Confirm",
	"copied":        "Record the copy",
	"decided":       "Record the decision",
	"delivered":     "Record that it was delivered",
	"deployed":      "Record the deployment",
	"destroyed":     "Record the destruction",
	"dismissed":     "Dismiss",
	"done":          "Record that it was done",
	"dropped":       "Drop",
	"ended":         "Record the end",
	"extended":      "Extend",
	"handled":       "Record what was done",
	"held":          "Record that it was held",
	"in_force":      "Put in force",
	"in_progress":   "Begin the work",
	"in_review":     "Put into review",
	"in_use":        "Put in use",
	"investigating": "Begin to look into it",
	"judged":        "Record the judgment",
	"kept":          "Record why it is kept",
	"left":          "Record that they left",
	"offboarding":   "Begin offboarding",
	"offered":       "Offer",
	"on_leave":      "Record the leave",
	"open":          "Open",
	"paused":        "Pause",
	"published":     "Publish",
	"read":          "Record what it says",
	"refused":       "Refuse",
	"rejected":      "Reject",
	"remediated":    "Record the remediation",
	"replaced":      "Replace",
	"reported":      "Record the report",
	"retired":       "Retire",
	"returned":      "Return",
	"reviewed":      "Record the review",
	"rolled_back":   "Record that it was rolled back",
	"settled":       "Settle",
	"signed":        "Record the signature",
	"submitted":     "Submit",
	"superseded":    "Supersede",
	"taken":         "Take up",
	"wiped":         "Record that it was wiped",
	Withdrawn:       "Withdraw",
	"witnessed":     "Witness",
}

// Called is what people call a move: as it says, or by what those do who bring a record
// into the state that it leads to; of one to an earlier state, that it goes back.
func (k *Kind) Called(t *Transition) string {
	at := func(name string) int { return slices.IndexFunc(k.States, func(s State) bool { return s.Name == name }) }
	switch {
	case t.Called != "":
		return t.Called
	case at(t.To) < at(t.From):
		return "Back to " + strings.ToLower(Words(t.To))
	case verbs[t.To] != "":
		return verbs[t.To]
	}
	return Words(t.To)
}

// As is the move called otherwise than its state says: one that is made again, or late.
func (t Transition) As(called string) Transition {
	t.Called = called
	return t
}
