package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Problem is the body of every answer that is no success: RFC 9457 problem
// details. Type and code are stable; title and detail are for people.
type Problem struct {
	Type   string `json:"type" example:"urn:scaf:problem:conflict"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code" example:"conflict" doc:"The last part of type"`
	Detail string `json:"detail,omitempty" doc:"What is wrong, and what would be right"`
	// Position is given when one element of a batch is the cause.
	Position *int           `json:"position,omitempty" doc:"Of the element of a batch that is wrong, from 0"`
	Fields   []ProblemField `json:"fields,omitempty" doc:"Which fields or parameters are wrong"`
	// Of a stale change: the version that it was made from with the change on
	// it, the one that is there now, and where they differ.
	Yours     *record.Version `json:"yours,omitempty" doc:"Of a stale change: the version that it was made from, with the change on it"`
	Current   *record.Version `json:"current,omitempty" doc:"Of a stale change: the version that is there now"`
	Differing []string        `json:"differing,omitempty" doc:"The fields in which the two differ"`
	Kept      bool            `json:"kept,omitempty" doc:"The events could not be written to the ledger; they were kept and are appended when it can be written again"`

	headers http.Header
}

// ProblemField says what is wrong with one field.
type ProblemField struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// problem makes a problem.
func problem(status int, code, detail string, args ...any) *Problem {
	if len(args) > 0 {
		detail = fmt.Sprintf(detail, args...)
	}
	return &Problem{Type: "urn:scaf:problem:" + code, Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// with adds a header to the answer.
func (p *Problem) with(name, value string) *Problem {
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set(name, value)
	return p
}

// at says which element of a batch is the cause.
func (p *Problem) at(position int) *Problem {
	p.Position = &position
	return p
}

// write answers with the problem where huma does not.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	_ = out.Encode(p) // whoever asked has gone
}

// retryAfter is how long a caller waits before it tries again, in seconds.
const retryAfter = "30"

// explain gives an error the form in which the outside sees it. What it does
// not know is an internal error, of which the outside learns nothing.
func explain(err error) *Problem {
	var already *Problem
	var invalid *record.Invalid
	var event *ledger.InvalidError
	var conflict *act.ConflictError
	var stale *record.StaleError
	switch {
	case errors.As(err, &already):
		return already
	case errors.Is(err, act.ErrDenied):
		return problem(http.StatusForbidden, "forbidden", "the token's role does not allow this")
	case errors.Is(err, access.ErrToken):
		return unauthenticated()
	case errors.Is(err, people.ErrConflict):
		return problem(http.StatusConflict, "conflict", "%v", err)
	case errors.As(err, &conflict):
		return problem(http.StatusConflict, "conflict", "%v", conflict)
	case errors.Is(err, act.ErrTooMany):
		return problem(http.StatusRequestEntityTooLarge, "too_many_events", "at most %d events are taken in one request", act.MaxBatch)
	case errors.Is(err, ledger.ErrTooLarge):
		return problem(http.StatusRequestEntityTooLarge, "too_large", "%v", err)
	case errors.As(err, &event):
		return problem(http.StatusBadRequest, "invalid_event", "%v", event)
	case errors.As(err, &invalid):
		p := problem(http.StatusUnprocessableEntity, "invalid_record", "%v", invalid)
		for _, field := range invalid.Fields {
			p.Fields = append(p.Fields, ProblemField{field.Field, field.Problem})
		}
		return p
	case errors.Is(err, record.ErrNone), errors.Is(err, record.ErrRegister), errors.Is(err, ledger.ErrNoEvent):
		return problem(http.StatusNotFound, "not_found", "%v", err)
	case errors.Is(err, record.ErrFilter):
		return problem(http.StatusBadRequest, "invalid_filter", "%v", err)
	case errors.Is(err, record.ErrCursor):
		return problem(http.StatusBadRequest, "invalid_request", "%v", err)
	case errors.Is(err, act.ErrSamePerson):
		return problem(http.StatusForbidden, "same_person", "%v", err)
	case errors.As(err, &stale):
		p := problem(http.StatusPreconditionFailed, "stale", "%v", stale)
		p.Yours, p.Current = stale.Yours, stale.Current
		for _, field := range stale.Differing {
			p.Differing = append(p.Differing, field.Field)
		}
		return p.with("ETag", etag(stale.Current.Version))
	case errors.Is(err, record.ErrExists):
		return problem(http.StatusConflict, "exists", "a record with this id exists already")
	case errors.Is(err, record.ErrStale):
		return problem(http.StatusPreconditionFailed, "stale", "%v: read it again", err)
	case errors.Is(err, attached.ErrRefused):
		return problem(http.StatusUnprocessableEntity, "refused", "%v", err)
	case errors.Is(err, record.ErrSame):
		return problem(http.StatusConflict, "same", "%v", err)
	case refusal(err) != nil:
		return refusal(err)
	case errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusServiceUnavailable, "timeout", "this took too long: ask for less").with("Retry-After", retryAfter)
	case unavailable(err):
		p := problem(http.StatusServiceUnavailable, "unavailable", "the ledger or its database cannot be used at the moment: try again").with("Retry-After", retryAfter)
		if p.Kept = errors.Is(err, act.ErrKept); p.Kept {
			p.Detail = "the ledger cannot be written at the moment: the events were kept and are appended when it can; send them again for their receipts"
		}
		return p
	}
	return problem(http.StatusInternalServerError, "internal", "something went wrong on the server's side")
}

// unavailable reports errors that go away without the caller's doing.
func unavailable(err error) bool {
	for _, kind := range []error{act.ErrKept, act.ErrClosed, ledger.ErrDamaged, ledger.ErrNoKey, ledger.ErrNoLedger} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return store.Unusable(err) != nil
}

// unauthenticated is the answer to a request without a valid token.
func unauthenticated() *Problem {
	return problem(http.StatusUnauthorized, "unauthenticated", "this needs a valid token in the header Authorization: Bearer ...").
		with("WWW-Authenticate", `Bearer realm="scaf"`)
}

// humaErrors makes huma's own refusals (parameters that cannot be read) look
// like ours. It is a variable of that package, so it is set once.
var humaErrors = sync.OnceFunc(func() {
	huma.NewErrorWithContext = func(_ huma.Context, status int, message string, errs ...error) huma.StatusError {
		return humaProblem(status, message, errs...)
	}
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		return humaProblem(status, message, errs...)
	}
})

func humaProblem(status int, message string, errs ...error) *Problem {
	if status >= http.StatusInternalServerError {
		return explain(errors.Join(errs...))
	}
	p := problem(http.StatusBadRequest, "invalid_request", "%s", message)
	for _, err := range errs {
		var detailed huma.ErrorDetailer
		if errors.As(err, &detailed) {
			detail := detailed.ErrorDetail()
			p.Fields = append(p.Fields, ProblemField{detail.Location, detail.Message})
		}
	}
	if len(p.Fields) > 0 {
		p.Detail = p.Fields[0].Field + ": " + p.Fields[0].Problem
	}
	return p
}
