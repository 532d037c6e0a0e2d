package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/assurance/periods"
)

func (s *Server) registerEvidence() {
	register(s, "record-observations", s.recordObservations)
	register(s, "review-evidence", s.reviewEvidence)
}

// recordObservations records a batch of observations: all of it or nothing.
func (s *Server) recordObservations(ctx context.Context, _ *none) (*rawBody, error) {
	r := requestOf(ctx)
	_, body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	elements, err := split(body)
	if err != nil {
		return nil, err
	}
	all := make([]observations.Observation, len(elements))
	for i, element := range elements {
		o, err := observations.Parse(element)
		if err != nil {
			return nil, problem(http.StatusUnprocessableEntity, "invalid_observation", "element %d: %v", i, err).at(i)
		}
		all[i] = *o
	}
	if len(all) == 0 {
		return nil, problem(http.StatusUnprocessableEntity, "invalid_observation", "there is no observation in the array")
	}
	receipts, err := observations.Record(ctx, s.System.Door, r.caller, all...)
	switch {
	case errors.Is(err, periods.ErrClosed):
		return nil, problem(http.StatusConflict, "period_closed", "%v", err)
	case errors.Is(err, observations.ErrInvalid):
		return nil, problem(http.StatusUnprocessableEntity, "invalid_observation", "%v", err)
	case err != nil:
		return nil, err
	}
	return jsonBody(receipts)
}

// reviewEvidence records what the token's holder concludes of evidence.
func (s *Server) reviewEvidence(ctx context.Context, in *struct {
	ID string `path:"id" example:"EVD-1"`
}) (*rawBody, error) {
	r := requestOf(ctx)
	_, body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	var review struct {
		Conclusion controltests.ReviewConclusion `json:"conclusion"`
		Reason     string                        `json:"reason"`
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&review); err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "invalid_review", "a review is {\"conclusion\", \"reason\"}: %v", err)
	}
	e, err := documents.Conclude(ctx, s.System.Door, r.caller, in.ID, review.Conclusion, review.Reason)
	switch {
	case errors.Is(err, documents.ErrInvalid):
		return nil, problem(http.StatusUnprocessableEntity, "invalid_review", "%v", err)
	case err != nil:
		return nil, err
	}
	return asJSON(e)
}
