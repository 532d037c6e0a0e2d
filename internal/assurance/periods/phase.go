package periods

import (
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/platform/store"
)

// Phase is where a period stands at a moment. Its two phases are those of an
// examination: while it is open tests are interim; once it is closed they are
// final, and nothing is captured for it any more (fieldwork).
type Phase string

// The phases, in their order.
const (
	NotBegun  Phase = "not_begun" // open, and in the future
	Running   Phase = "running"   // open
	Ended     Phase = "ended"     // over, and not closed
	Fieldwork Phase = "fieldwork" // closed
)

// Phase is the period's phase at an instant.
func (p *Period) Phase(now time.Time) Phase {
	switch {
	case p.State == Closed:
		return Fieldwork
	case now.Before(p.From):
		return NotBegun
	case now.Before(p.To):
		return Running
	}
	return Ended
}

// Now says what may be done in a phase, and what may not.
func (p Phase) Now() []string {
	switch p {
	case NotBegun:
		return []string{"Nothing can be tested before it begins."}
	case Running:
		return []string{
			"Tests are interim and cover the time up to now (scaf control test).",
			"States are captured now: what is not captured before the period is closed never is.",
			"Final tests are refused; it can be closed after its end.",
		}
	case Ended:
		return []string{
			"Tests are interim until it is closed (scaf period close).",
			"States can be captured until it is closed.",
			"Final tests are refused until it is closed.",
		}
	}
	return []string{
		"Tests are final (scaf control test); deviations get causes, a person concludes.",
		"No state is captured for it any more. Nothing else is refused for lateness.",
		"It cannot be reopened: scaf period open NAME --corrects it.",
	}
}

// Shown is a period, where it stands, and what may be done now.
type Shown struct {
	*Period
	Phase Phase    `json:"phase"`
	Now   []string `json:"now"`
}

// Show says where the period stands at an instant.
func (p *Period) Show(now time.Time) Shown {
	phase := p.Phase(now)
	return Shown{p, phase, phase.Now()}
}

// Errors of what comes too early, or too late.
var (
	// ErrOpen: a final test is refused before the period has closed.
	ErrOpen = errors.New("the period is not closed")
	// ErrClosed: an instant lies in a period that has closed.
	ErrClosed = errors.New("the period is closed")
)

// CheckCapture refuses what may not be captured for an instant any more: the
// state of a system, when the instant lies in a period that is closed
// (ErrClosed). It is to be called in the transaction that records the capture.
func CheckCapture(r *store.Reader, at time.Time) error {
	check, err := Capture(r)
	if err != nil {
		return err
	}
	return check(at)
}

// Capture is CheckCapture for many instants.
func Capture(r *store.Reader) (check func(at time.Time) error, err error) {
	all, err := List(r)
	return func(at time.Time) error {
		for _, p := range all {
			if p.State == Closed && !at.Before(p.From) && at.Before(p.To) {
				return fmt.Errorf("%w: %s lies in %s (%s), closed at %s: no state is captured for it any more", ErrClosed,
					at.UTC().Format(time.RFC3339), p.Name, p.Interval(), p.ClosedAt.Format(time.RFC3339))
			}
		}
		return nil
	}, err
}
