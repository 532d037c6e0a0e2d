package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/accounts"
)

// held is why a form was not taken that is nevertheless shown as it was filled in: what
// was typed is not lost with a session.
type held struct {
	status int
	text   string
}

// Error implements error.
func (h *held) Error() string { return h.text }

var (
	heldForeign = &held{http.StatusForbidden, "The form was not taken: you have signed in again since it was opened, or it was not sent from a page of this portal. What was sent is shown here: look through it, and send it once more."}
	heldResumed = &held{http.StatusOK, "You are signed in again, and nothing was sent yet. What you typed is shown here: look through it, and send it once more."}
)

// kept is a field of a form that waits for somebody to sign in.
type kept struct{ Name, Value string }

// keeping stands before the names of fields that the sign-in page carries.
const keeping = "kept."

// signInFirst is the sign-in page that carries what somebody typed whose session has
// ended. Passwords are on no form that does so.
func signInFirst(r *request) *shown {
	form := signing{To: "/", Again: r.URL.RequestURI(), Wrong: "Your session has ended. What you typed is kept: sign in, and look through it."}
	for name, values := range r.PostForm {
		if name == formField { // the token of the session that has ended
			continue
		}
		for _, value := range values {
			form.Kept = append(form.Kept, kept{keeping + name, value})
		}
	}
	slices.SortStableFunc(form.Kept, func(a, b kept) int { return strings.Compare(a.Name, b.Name) })
	return &shown{page: "signin", title: "Sign in", status: http.StatusUnauthorized, data: form}
}

// carried are the fields that a sign-in page has carried.
func carried(form url.Values) (all []kept) {
	for name, values := range form {
		for _, value := range values {
			if strings.HasPrefix(name, keeping) {
				all = append(all, kept{name, value})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b kept) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// resumption is what a request has with which a form goes on after a sign-in.
type resumption struct{ session *accounts.Session }

type resumptionKey struct{}

// resume is the request by which the form is shown that was carried. It is one for the
// form, as it was sent; held keeps it from being taken.
func resume(r *request, session *accounts.Session, form signing) *http.Request {
	next := r.Clone(context.WithValue(r.Context(), resumptionKey{}, &resumption{session}))
	to, err := url.Parse(form.Again)
	if err != nil {
		to = &url.URL{Path: "/"} // no page has sent this
	}
	next.URL, next.Body, next.RequestURI = &url.URL{Path: to.Path, RawPath: to.RawPath, RawQuery: to.RawQuery}, http.NoBody, form.Again
	next.PostForm = url.Values{}
	for _, one := range form.Kept {
		next.PostForm.Add(strings.TrimPrefix(one.Name, keeping), one.Value)
	}
	next.Form = next.PostForm
	return next
}

func (p *Portal) addAgain(r *request) (*shown, error) { return p.form(r, nil, r.held, nil) }

func (p *Portal) editAgain(r *request) (*shown, error) {
	from, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		return nil, fmt.Errorf("%w: it does not say which version it was made from", errForm)
	}
	var v *record.Version
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		v, err = record.GetVersion(reader, r.kind.Name, r.PathValue("id"), from)
		return err
	}); err != nil {
		return nil, err
	}
	return p.form(r, v, r.held, nil)
}

func (p *Portal) recordAgain(r *request) (*shown, error) {
	return p.recordWith(r, r.held, r.PostForm.Get("state"))
}

func (p *Portal) policyAgain(r *request) (*shown, error) { return p.policyWith(r, r.held.text) }

func (p *Portal) trainingAgain(r *request) (*shown, error) { return p.trainingWith(r, r.held.text) }

func (p *Portal) occurrenceAgain(r *request) (*shown, error) {
	return p.occurrenceWith(r, r.held.status, r.held.text, nil)
}
