package api

import (
	"context"
	"net/http"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
)

func (s *Server) registerVersions() {
	register(s, "list-versions", s.listVersions)
	register(s, "propose-version", s.proposeVersion)
	register(s, "approve-version", s.approveVersion)
	register(s, "reject-version", s.rejectVersion)
	register(s, "withdraw-version", s.withdrawVersion)
	register(s, "adopt-versions", s.adoptVersions)
	register(s, "list-assessments", s.listAssessments)
	register(s, "add-assessment", s.addAssessment)
}

// ofControl is the query of what is listed of one control or of all.
type ofControl struct {
	Control string `query:"control" doc:"Only of this control" example:"CHG-01"`
}

type versionsBody struct {
	Versions []*versions.Version `json:"versions"`
}

func (s *Server) listVersions(ctx context.Context, in *ofControl) (*bodyOutput[versionsBody], error) {
	out := &bodyOutput[versionsBody]{http.StatusOK, versionsBody{[]*versions.Version{}}}
	return out, s.System.DB.Read(ctx, func(r *store.Reader) error {
		all, err := versions.List(r, in.Control)
		out.Body.Versions = append(out.Body.Versions, all...)
		return err
	})
}

// instant reads an instant of a request's body or query; an empty text is the
// zero time.
func (s *Server) instant(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := s.System.Instant(text)
	if err != nil {
		return at, problem(http.StatusBadRequest, "invalid_request", "%s: %v", name, err)
	}
	return at, nil
}

// proposal is a control file to be in force from a day on.
type proposal struct {
	Control       string `json:"control,omitempty" doc:"The control whose file in use is proposed; or say file"`
	File          string `json:"file,omitempty" doc:"The control file itself, YAML"`
	EffectiveFrom string `json:"effective_from" doc:"A date in the organisation's time zone, or an RFC 3339 time"`
}

func (s *Server) proposeVersion(ctx context.Context, _ *none) (*bodyOutput[*versions.Version], error) {
	var p proposal
	if err := given(ctx, &p); err != nil {
		return nil, err
	}
	if p.EffectiveFrom == "" || (p.Control == "") == (p.File == "") {
		return nil, problem(http.StatusBadRequest, "invalid_request", `the body must say {"effective_from": DATE} and one of "control", the id of a control, and "file", a control file`)
	}
	at, err := s.instant("effective_from", p.EffectiveFrom)
	if err != nil {
		return nil, err
	}
	var control *controls.Control
	if p.File == "" {
		control, err = s.System.Control(p.Control)
	} else {
		control, err = controls.Parse("file", []byte(p.File), controls.Builtin(s.System.Kinds))
	}
	if err != nil {
		return nil, err
	}
	v, err := s.System.VersionDesk().Propose(ctx, callerOf(ctx), control, at)
	return made(v, http.StatusCreated, err)
}

// versionPath names a version of a control.
type versionPath struct {
	ID string `path:"id" example:"CHG-01.2"`
}

func (s *Server) approveVersion(ctx context.Context, in *versionPath) (*bodyOutput[*versions.Version], error) {
	v, err := s.System.VersionDesk().Approve(ctx, callerOf(ctx), versions.ControlOf(in.ID), in.ID)
	return made(v, http.StatusOK, err)
}

// why says why a proposed version does not come into force.
type why struct {
	Reason string `json:"reason"`
}

func (s *Server) rejectVersion(ctx context.Context, in *versionPath) (*bodyOutput[*versions.Version], error) {
	var said why
	if err := given(ctx, &said); err != nil {
		return nil, err
	}
	v, err := s.System.VersionDesk().Reject(ctx, callerOf(ctx), versions.ControlOf(in.ID), in.ID, said.Reason)
	return made(v, http.StatusOK, err)
}

func (s *Server) withdrawVersion(ctx context.Context, in *versionPath) (*bodyOutput[*versions.Version], error) {
	var said why
	if err := given(ctx, &said); err != nil {
		return nil, err
	}
	v, err := s.System.VersionDesk().Withdraw(ctx, callerOf(ctx), versions.ControlOf(in.ID), in.ID, said.Reason)
	return made(v, http.StatusOK, err)
}

// adoption says which files of the catalog are brought into force.
type adoption struct {
	All           bool     `json:"all,omitempty" doc:"Every control of the catalog; or say controls"`
	Controls      []string `json:"controls,omitempty" doc:"Their ids"`
	EffectiveFrom string   `json:"effective_from,omitempty" doc:"A date in the organisation's time zone, or an RFC 3339 time; since ever when it is left out"`
}

type adoptedBody struct {
	Adopted []*versions.Version `json:"adopted"`
	Own     []string            `json:"own" doc:"Controls that the caller owns: another person adopts them"`
}

func (s *Server) adoptVersions(ctx context.Context, _ *none) (*bodyOutput[adoptedBody], error) {
	var a adoption
	if err := given(ctx, &a); err != nil {
		return nil, err
	}
	if a.All == (len(a.Controls) > 0) {
		return nil, problem(http.StatusBadRequest, "invalid_request", `the body must say {"controls": [ID, ...]}, or {"all": true}`)
	}
	at, err := s.instant("effective_from", a.EffectiveFrom)
	if err != nil {
		return nil, err
	}
	from := &at
	if at.IsZero() {
		from = nil
	}
	chosen, err := s.System.FromCatalog(a.Controls...)
	if err != nil {
		return nil, err
	}
	adopted, own, err := s.System.VersionDesk().Adopt(ctx, callerOf(ctx), chosen, from)
	if err != nil {
		return nil, err
	}
	return &bodyOutput[adoptedBody]{http.StatusOK, adoptedBody{append([]*versions.Version{}, adopted...), append([]string{}, own...)}}, nil
}

type assessmentsBody struct {
	Assessments []*versions.Assessment `json:"assessments"`
}

func (s *Server) listAssessments(ctx context.Context, in *ofControl) (*bodyOutput[assessmentsBody], error) {
	out := &bodyOutput[assessmentsBody]{Status: http.StatusOK}
	return out, s.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		out.Body.Assessments, err = versions.ListAssessments(r, in.Control)
		return err
	})
}

// designAssessment is what somebody found out about the design of a version.
type designAssessment struct {
	Control     string `json:"control"`
	Version     string `json:"version,omitempty" doc:"The version, or the beginning of its file's SHA-256; the latest one when it is left out"`
	Risk        string `json:"risk"`
	Precision   string `json:"precision"`
	Walkthrough string `json:"walkthrough" doc:"Reference of the one item that was followed" example:"change/4f2a"`
	Conclusion  string `json:"conclusion" enum:"effective,ineffective"`
	Reason      string `json:"reason"`
}

func (s *Server) addAssessment(ctx context.Context, _ *none) (*bodyOutput[*versions.Assessment], error) {
	var d designAssessment
	if err := given(ctx, &d); err != nil {
		return nil, err
	}
	a, err := s.System.VersionDesk().Assess(ctx, callerOf(ctx), versions.Assessment{
		Control: d.Control, Version: d.Version, Risk: d.Risk, Precision: d.Precision, Walkthrough: d.Walkthrough,
		Conclusion: conclusion(d.Conclusion), Reason: d.Reason,
	})
	return made(a, http.StatusCreated, err)
}
