package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

func (s *Server) registerAssurance() {
	register(s, "list-controls", s.listControls)
	register(s, "get-control", s.getControl)
	register(s, "list-results", s.listResults)
	register(s, "get-readiness", s.getReadiness)
	register(s, "show-readiness", s.showReadiness)
	register(s, "list-gaps", s.listGaps)
}

// asJSON answers with a value whose description is its own documentation.
// Two packages have types named Control and Test, which OpenAPI would take for
// one.
func asJSON(value any) (*rawBody, error) {
	data, err := json.Marshal(value)
	return &rawBody{jsonType, data}, err
}

func (s *Server) listControls(context.Context, *none) (*rawBody, error) {
	all, err := s.System.Controls()
	if err != nil {
		return nil, err
	}
	return asJSON(map[string]any{"controls": all})
}

func (s *Server) getControl(_ context.Context, in *struct {
	ID string `path:"id" example:"CHG-01"`
}) (*rawBody, error) {
	control, err := s.System.Control(in.ID)
	if err != nil {
		return nil, err
	}
	return asJSON(control)
}

// inPeriod is the query of what is read for a period.
type inPeriod struct {
	Period string `query:"period" doc:"Name of the period; the one that began last when it is left out"`
}

type resultsOutput struct {
	Body struct {
		Period  *periods.Period  `json:"period"`
		Results []results.Result `json:"results"`
	}
}

// listResults gives the latest result of every test in a period.
func (s *Server) listResults(ctx context.Context, in *inPeriod) (*resultsOutput, error) {
	period, err := s.System.ChoosePeriod(ctx, in.Period)
	if err != nil {
		return nil, err
	}
	out := &resultsOutput{}
	out.Body.Period, out.Body.Results = period, []results.Result{}
	err = s.System.DB.Read(ctx, func(r *store.Reader) error {
		latest, err := results.Latest(r, period.Name, 0)
		if err != nil {
			return err
		}
		for _, key := range results.Keys(latest) {
			out.Body.Results = append(out.Body.Results, latest[key])
		}
		return nil
	})
	return out, err
}

type readinessInput struct {
	Period string `query:"period" doc:"Name of the period; the one that began last when it is left out"`
	Date   string `query:"date" doc:"The day that the report is for, such as 2026-01-31; now when it is left out"`
	Days   int    `query:"days" default:"7" minimum:"1" maximum:"366" doc:"How many days ahead it looks"`
}

func (s *Server) getReadiness(ctx context.Context, in *readinessInput) (*rawBody, error) {
	report, err := s.readiness(ctx, in)
	if err != nil {
		return nil, err
	}
	return asJSON(report)
}

// listGaps gives what is missing for the tests of a period.
func (s *Server) listGaps(ctx context.Context, in *inPeriod) (*rawBody, error) {
	period, err := s.System.ChoosePeriod(ctx, in.Period)
	if err != nil {
		return nil, err
	}
	missing, err := s.System.Missing(ctx, period)
	if err != nil {
		return nil, err
	}
	return asJSON(map[string]any{"period": period.Name, "missing": missing})
}

// htmlBody answers with a page that brings its style along and loads nothing.
type htmlBody struct {
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy"`
	Body        []byte
}

func (s *Server) showReadiness(ctx context.Context, in *readinessInput) (*htmlBody, error) {
	report, err := s.readiness(ctx, in)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	if err := report.HTML(&page); err != nil {
		return nil, err
	}
	return &htmlBody{htmlType, "default-src 'none'; frame-ancestors 'none'; style-src " + reports.StyleHash(), page.Bytes()}, nil
}

// readiness builds the report that is asked for.
func (s *Server) readiness(ctx context.Context, in *readinessInput) (*reports.Readiness, error) {
	query := surface.ReadinessQuery{Period: in.Period, Days: in.Days}
	if in.Date != "" {
		var err error
		if query.At, err = s.System.Day(in.Date); err != nil {
			return nil, problem(http.StatusBadRequest, "invalid", "date: %v", err)
		}
	}
	return s.System.Readiness(ctx, query)
}
