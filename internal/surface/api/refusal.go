package api

import (
	"errors"
	"net/http"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/surface"
)

// refusals are the answers to what assurance refuses. The same line tells
// everything: what, where, and what would be right.
var refusals = []struct {
	err    error
	status int
	code   string
}{
	{surface.ErrNoControl, http.StatusNotFound, "not_found"},
	{versions.ErrNone, http.StatusNotFound, "not_found"},
	{results.ErrNoResult, http.StatusNotFound, "not_found"},
	{results.ErrNoDeviation, http.StatusNotFound, "not_found"},
	{periods.ErrNone, http.StatusNotFound, "not_found"},

	{periods.ErrOverlap, http.StatusConflict, "overlap"},
	{periods.ErrRunning, http.StatusConflict, "period_running"},
	{periods.ErrClosed, http.StatusConflict, "period_closed"},
	{results.ErrNotBegun, http.StatusConflict, "not_begun"},
	{judgments.ErrNothing, http.StatusConflict, "nothing_to_confirm"},

	{periods.ErrInvalid, http.StatusUnprocessableEntity, "invalid_period"},
	{observations.ErrInvalid, http.StatusUnprocessableEntity, "invalid_observation"},
	{documents.ErrInvalid, http.StatusUnprocessableEntity, "invalid_evidence"},
	{resolutions.ErrInvalid, http.StatusUnprocessableEntity, "invalid_resolution"},
	{versions.ErrWrong, http.StatusUnprocessableEntity, "refused"},
}

// refusal gives what assurance refuses the form in which the outside sees it;
// nil for other errors.
func refusal(err error) *Problem {
	var wrong controls.Errors
	if errors.As(err, &wrong) {
		return problem(http.StatusUnprocessableEntity, "invalid_control", "%v", wrong)
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return problem(r.status, r.code, "%v", err)
		}
	}
	return nil
}
