package api

import (
	"context"
	"net/http"
	"slices"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/store"
)

func (s *Server) registerJudgments() {
	register(s, "list-deviations", s.listDeviations)
	register(s, "list-causes", s.listCauses)
	register(s, "state-deviation", s.stateDeviation)
	register(s, "confirm-deviation", s.confirmDeviation)
	register(s, "list-conclusions", s.listConclusions)
	register(s, "conclude", s.concludeFor(false))
	register(s, "audit", s.concludeFor(true))
	register(s, "reperform-result", s.reperform)
	register(s, "list-resolutions", s.listResolutions)
	register(s, "propose-resolution", s.proposeResolution)
	register(s, "confirm-resolution", s.confirmResolution)
}

// conclusion is a conclusion as somebody wrote it; what is none is refused
// where it is recorded.
func conclusion(text string) controltests.Conclusion { return controltests.Conclusion(text) }

type deviationsBody struct {
	Period     string          `json:"period"`
	Deviations []results.Found `json:"deviations"`
}

func (s *Server) listDeviations(ctx context.Context, in *struct {
	Period string `query:"period" doc:"Name of the period; the one that began last when it is left out"`
	Open   bool   `query:"open" doc:"Only those without a confirmed cause"`
}) (*bodyOutput[deviationsBody], error) {
	period, err := s.System.ChoosePeriod(ctx, in.Period)
	if err != nil {
		return nil, err
	}
	all, err := s.System.Lab().Deviations(ctx, period.Name)
	if in.Open {
		all = slices.DeleteFunc(all, func(f results.Found) bool { return f.Standing == results.Confirmed })
	}
	return &bodyOutput[deviationsBody]{http.StatusOK, deviationsBody{period.Name, all}}, err
}

type causesBody struct {
	Causes []judgments.Listed `json:"causes"`
}

func (s *Server) listCauses(context.Context, *none) (*bodyOutput[causesBody], error) {
	return &bodyOutput[causesBody]{http.StatusOK, causesBody{judgments.Causes()}}, nil
}

// statement is what somebody states about a deviation.
type statement struct {
	Cause     string `json:"cause,omitempty" doc:"From the list of causes"`
	Person    string `json:"person,omitempty" doc:"Whom the cause is with" example:"person/E1001"`
	Subsystem string `json:"subsystem,omitempty" doc:"The part of the system that the cause is with"`
	Note      string `json:"note,omitempty" doc:"What happened"`
	// Compensation and By say what stood in for the item.
	Compensation string `json:"compensation,omitempty" doc:"Why something stood in for the item, which stays a deviation"`
	By           string `json:"by,omitempty" doc:"Reference of what stood in: a control, an occurrence or a record"`
	Incident     string `json:"incident,omitempty" doc:"Reference of an incident that it belongs to; never unlinked"`
}

// deviationPath names a deviation.
type deviationPath struct {
	ID string `path:"id" doc:"RES-1/ITEM, escaped: an item's id may be anything" example:"RES-1%2Fc42"`
}

func (s *Server) stateDeviation(ctx context.Context, in *deviationPath) (*bodyOutput[*judgments.Deviation], error) {
	var said statement
	if err := given(ctx, &said); err != nil {
		return nil, err
	}
	stated := judgments.Deviation{Incident: said.Incident}
	switch {
	case said.Cause != "":
		stated.Cause = &judgments.Cause{ID: said.Cause, Person: said.Person, Subsystem: said.Subsystem, Note: said.Note}
	case said.Person != "" || said.Subsystem != "" || said.Note != "":
		return nil, problem(http.StatusBadRequest, "invalid_request", "person, subsystem and note belong to a cause: give it, from /v1/deviations/causes")
	}
	switch {
	case said.Compensation != "":
		stated.Compensation = &judgments.Compensation{By: said.By, Reason: said.Compensation}
	case said.By != "":
		return nil, problem(http.StatusBadRequest, "invalid_request", "by belongs to a compensation: say in it why that stood in")
	case stated == judgments.Deviation{}:
		return nil, problem(http.StatusBadRequest, "invalid_request", "the body must say a cause, a compensation or an incident")
	}
	d, err := s.System.Lab().State(ctx, callerOf(ctx), in.ID, stated)
	return made(d, http.StatusOK, err)
}

func (s *Server) confirmDeviation(ctx context.Context, in *deviationPath) (*bodyOutput[*judgments.Deviation], error) {
	d, err := s.System.Lab().Confirm(ctx, callerOf(ctx), in.ID)
	return made(d, http.StatusOK, err)
}

type conclusionsBody struct {
	Period      string                 `json:"period"`
	Conclusions []judgments.Conclusion `json:"conclusions"`
}

func (s *Server) listConclusions(ctx context.Context, in *inPeriod) (*bodyOutput[conclusionsBody], error) {
	period, err := s.System.ChoosePeriod(ctx, in.Period)
	if err != nil {
		return nil, err
	}
	out := &bodyOutput[conclusionsBody]{http.StatusOK, conclusionsBody{Period: period.Name}}
	return out, s.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		out.Body.Conclusions, err = judgments.List(r, period.Name, 0)
		return err
	})
}

// concluded is what a person concludes from a result.
type concluded struct {
	Result     string `json:"result" example:"RES-1"`
	Role       string `json:"role,omitempty" enum:"confirmation,auditor" doc:"Of the auditor: what the test gave when it was performed again, or the auditor's own conclusion. Management says none"`
	Conclusion string `json:"conclusion" enum:"effective,effective_with_exceptions,ineffective,incomplete,not_occurring"`
	Reason     string `json:"reason,omitempty" doc:"Needed where it is softer than what was computed"`
}

// concludeFor records what a person concludes: in the name of management, or of
// the auditor, which are two permissions and so two routes.
func (s *Server) concludeFor(auditor bool) func(context.Context, *none) (*bodyOutput[*judgments.Conclusion], error) {
	return func(ctx context.Context, _ *none) (*bodyOutput[*judgments.Conclusion], error) {
		var c concluded
		if err := given(ctx, &c); err != nil {
			return nil, err
		}
		role := judgments.Role(c.Role)
		switch {
		case !auditor && role != "":
			return nil, problem(http.StatusBadRequest, "invalid_request", "management concludes without a role; the auditor does at /v1/audit/conclusions")
		case !auditor:
			role = judgments.Management
		case role != judgments.Confirmation && role != judgments.Auditor:
			return nil, problem(http.StatusBadRequest, "invalid_request", "role must be confirmation or auditor, not %q", c.Role)
		}
		v, err := s.System.Lab().Conclude(ctx, callerOf(ctx), c.Result, judgments.Conclusion{Role: role, Conclusion: conclusion(c.Conclusion), Reason: c.Reason})
		return made(v, http.StatusCreated, err)
	}
}

func (s *Server) reperform(ctx context.Context, in *struct {
	ID string `path:"id" example:"RES-1"`
}) (*bodyOutput[*results.Reperformed], error) {
	again, err := s.System.Lab().Reperform(ctx, in.ID)
	return made(again, http.StatusOK, err)
}

type resolutionsBody struct {
	Resolutions []resolutions.Resolution `json:"resolutions"`
}

func (s *Server) listResolutions(ctx context.Context, in *struct {
	Period string `query:"period" doc:"Only of this period"`
}) (*bodyOutput[resolutionsBody], error) {
	out := &bodyOutput[resolutionsBody]{Status: http.StatusOK}
	return out, s.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		out.Body.Resolutions, err = resolutions.List(r, in.Period)
		return err
	})
}

// proposedResolution says why a mismatch is none, or what it comes from.
type proposedResolution struct {
	Control  string `json:"control"`
	Test     string `json:"test"`
	Period   string `json:"period,omitempty" doc:"The one that began last when it is left out"`
	Mismatch string `json:"mismatch" doc:"Its name in the result" example:"only here: 4f2a"`
	Reason   string `json:"reason"`
}

func (s *Server) proposeResolution(ctx context.Context, _ *none) (*bodyOutput[*resolutions.Resolution], error) {
	var p proposedResolution
	if err := given(ctx, &p); err != nil {
		return nil, err
	}
	r, err := s.System.ProposeResolution(ctx, callerOf(ctx), resolutions.Resolution{Control: p.Control, Test: p.Test, Period: p.Period, Mismatch: p.Mismatch, Reason: p.Reason})
	return made(r, http.StatusCreated, err)
}

func (s *Server) confirmResolution(ctx context.Context, in *struct {
	ID string `path:"id" example:"RSL-1"`
}) (*bodyOutput[*resolutions.Resolution], error) {
	r, err := resolutions.Confirm(ctx, s.System.Door, callerOf(ctx), in.ID)
	return made(r, http.StatusOK, err)
}
