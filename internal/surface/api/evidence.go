package api

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/platform/store"
)

func (s *Server) registerEvidence() {
	register(s, "record-observations", s.recordObservations)
	register(s, "list-evidence", s.listEvidence)
	register(s, "get-evidence", s.getEvidence)
	register(s, "get-evidence-file", s.getEvidenceFile)
	register(s, "add-evidence", s.addEvidence)
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
	if err != nil {
		return nil, err
	}
	return jsonBody(receipts)
}

type evidenceBody struct {
	Evidence []documents.Evidence `json:"evidence"`
}

func (s *Server) listEvidence(ctx context.Context, in *ofControl) (*bodyOutput[evidenceBody], error) {
	out := &bodyOutput[evidenceBody]{Status: http.StatusOK}
	return out, s.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		out.Body.Evidence, err = documents.List(r, in.Control)
		return err
	})
}

// evidencePath names evidence.
type evidencePath struct {
	ID string `path:"id" example:"EVD-1"`
}

func (s *Server) getEvidence(ctx context.Context, in *evidencePath) (*bodyOutput[*documents.Evidence], error) {
	var e *documents.Evidence
	err := s.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		e, err = documents.Get(r, in.ID)
		return err
	})
	return made(e, http.StatusOK, err)
}

func (s *Server) getEvidenceFile(ctx context.Context, in *evidencePath) (*fileOutput, error) {
	e, content, err := s.System.OpenEvidence(ctx, callerOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return download(content, e.File, binaryType, e.SHA256)
}

// evidenceInput says what the file in the body is evidence of.
type evidenceInput struct {
	Control   string `query:"control" required:"true" example:"GOV-01"`
	Test      string `query:"test" doc:"The test, where the control has several over documents"`
	Name      string `query:"name" required:"true" doc:"The file's name"`
	Source    string `query:"source" required:"true" doc:"The system that it comes from"`
	Query     string `query:"query" required:"true" doc:"Exactly enough to get it again: the report, its filters, the path"`
	From      string `query:"from" required:"true" doc:"The first day that it covers, or instant"`
	To        string `query:"to" required:"true" doc:"The day or instant at which that ends"`
	Collected string `query:"collected" doc:"When it was taken from there; now when it is left out"`
	Effective string `query:"effective" doc:"The moment whose state it shows; when it was collected, if left out"`
}

// addEvidence keeps the file in the request's body as evidence.
func (s *Server) addEvidence(ctx context.Context, in *evidenceInput) (*bodyOutput[*documents.Evidence], error) {
	e := documents.Evidence{Control: in.Control, Test: in.Test, File: in.Name, Source: in.Source, Query: in.Query}
	for _, one := range []struct {
		name, text string
		into       *time.Time
	}{{"collected", in.Collected, &e.CollectedAt}, {"effective", in.Effective, &e.EffectiveAt}, {"from", in.From, &e.From}, {"to", in.To, &e.To}} {
		at, err := s.instant(one.name, one.text)
		if err != nil {
			return nil, err
		}
		*one.into = at
	}
	_, content, err := readBody(requestOf(ctx))
	if err != nil {
		return nil, err
	}
	kept, err := s.System.AddEvidence(ctx, callerOf(ctx), e, bytes.NewReader(content))
	return made(kept, http.StatusCreated, err)
}

// review is what somebody concludes of evidence.
type review struct {
	Conclusion string `json:"conclusion" enum:"accepted,rejected"`
	Reason     string `json:"reason"`
}

// reviewEvidence records what the token's holder concludes of evidence.
func (s *Server) reviewEvidence(ctx context.Context, in *evidencePath) (*bodyOutput[*documents.Evidence], error) {
	var said review
	if err := given(ctx, &said); err != nil {
		return nil, err
	}
	e, err := documents.Conclude(ctx, s.System.Door, callerOf(ctx), in.ID, controltests.ReviewConclusion(said.Conclusion), said.Reason)
	return made(e, http.StatusOK, err)
}
