package privacy

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

const (
	kindErasure = "erasure"
	// byRequest is the reason of an erasure that its person asked for.
	byRequest = "request"
	// eraseWithin is how many days an erasure may take: PRV-04.
	eraseWithin = 30
)

// erase opens the erasure that a request asked for and that was granted, in part too,
// unless one of its person names the request already. Whoever handles it sees to it.
func (r *Request) erase(tx *act.Tx) error {
	if r.Kind != erasing || r.Outcome != granted && r.Outcome != grantedInPart {
		return nil
	}
	ref := kindRequest + "/" + r.ID
	there := false
	if _, err := record.List(&tx.Reader, Erasures, record.Query{Filter: fmt.Sprintf("item.request == %q && item.subject == %q", ref, r.Subject), Limit: 1}, func(*record.Version) error {
		there = true
		return nil
	}); err != nil || there {
		return err
	}
	fields := map[string]json.RawMessage{}
	for name, value := range map[string]any{"subject": r.Subject, "reason": byRequest, "request": ref, "owner": r.Handler, "due_at": r.eraseFrom()} {
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		fields[name] = raw
	}
	_, err := record.Add(tx, Erasures, fields)
	if wrong := (*record.Invalid)(nil); errors.As(err, &wrong) && wrong.Fields[0].Field == "owner" {
		return record.Refuse("handler", "%s: the erasure that is granted is theirs", wrong.Fields[0].Problem)
	}
	return err
}

// eraseFrom is when an erasure that was asked for is due: when it was asked, or later,
// where the request's term is longer than an erasure may take, so that both end together.
func (r *Request) eraseFrom() time.Time {
	if with := r.DueAt.AddDate(0, 0, -eraseWithin); with.After(*r.ReceivedAt) {
		return with
	}
	return *r.ReceivedAt
}

// Consult holds an erasure to the request that it names: it is of the same person, and
// where the request asks for it, due no later than that one says. What request it answers
// stands.
func (e *Erasure) Consult(reader *store.Reader, old any) error {
	was := &Erasure{}
	if old != nil {
		was = record.As[Erasure](old)
	}
	switch {
	case was.Request == "" && e.Request == "":
		return nil
	case was.Request != "" && e.Request != was.Request:
		return record.Refuse("request", "stands as it was recorded: this erasure answers %s", was.Request)
	case was.Request != "" && e.Subject == was.Subject:
		return nil
	}
	r, _, err := record.Load[Request](reader, Requests, e.Request)
	switch {
	case errors.Is(err, record.ErrNone):
		return nil // which is told as of all references
	case err != nil:
		return err
	case e.Subject != r.Subject:
		return record.Refuse("subject", "is not the person of %s", e.Request)
	case was.Request == "" && r.Kind == erasing && e.DueAt != nil && e.DueAt.Before(r.ReceivedAt.Truncate(time.Minute)):
		return record.Refuse("due_at", "is before %s was received: at the earliest %s", e.Request, r.ReceivedAt.Format(time.RFC3339))
	case was.Request == "" && r.Kind == erasing && e.DueAt != nil && e.DueAt.After(r.eraseFrom()):
		return record.Refuse("due_at", "is later than %s asks for it: at the latest %s", e.Request, r.eraseFrom().Format(time.RFC3339))
	}
	return nil
}
