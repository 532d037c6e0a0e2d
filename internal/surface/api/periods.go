package api

import (
	"context"
	"net/http"

	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/platform/store"
)

func (s *Server) registerPeriods() {
	register(s, "list-periods", s.listPeriods)
	register(s, "get-period", s.getPeriod)
	register(s, "open-period", s.openPeriod)
	register(s, "close-period", s.closePeriod)
}

type periodsBody struct {
	Periods []periods.Shown `json:"periods"`
}

func (s *Server) listPeriods(ctx context.Context, _ *none) (*bodyOutput[periodsBody], error) {
	out := &bodyOutput[periodsBody]{http.StatusOK, periodsBody{[]periods.Shown{}}}
	now := s.System.Clock.Now()
	return out, s.System.DB.Read(ctx, func(r *store.Reader) error {
		all, err := periods.List(r)
		for i := range all {
			out.Body.Periods = append(out.Body.Periods, all[i].Show(now))
		}
		return err
	})
}

// periodPath names a period.
type periodPath struct {
	ID string `path:"id" doc:"Its name" example:"2026-Q1"`
}

// shownPeriod answers with a period and where it stands.
func (s *Server) shownPeriod(period *periods.Period, status int, err error) (*bodyOutput[periods.Shown], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOutput[periods.Shown]{status, period.Show(s.System.Clock.Now())}, nil
}

func (s *Server) getPeriod(ctx context.Context, in *periodPath) (*bodyOutput[periods.Shown], error) {
	period, err := s.System.ChoosePeriod(ctx, in.ID)
	return s.shownPeriod(period, http.StatusOK, err)
}

// opening is a period to be opened.
type opening struct {
	Name     string `json:"name" example:"2026-Q1"`
	From     string `json:"from" doc:"The first day, in the organisation's time zone, or an RFC 3339 time"`
	To       string `json:"to" doc:"The day or time at which it ends, which is not in it"`
	Corrects string `json:"corrects,omitempty" doc:"The closed period in whose place this one is examined"`
	Reason   string `json:"reason,omitempty" doc:"Why it is corrected"`
}

func (s *Server) openPeriod(ctx context.Context, _ *none) (*bodyOutput[periods.Shown], error) {
	var o opening
	if err := given(ctx, &o); err != nil {
		return nil, err
	}
	zone, err := s.System.Config.Location()
	if err != nil {
		return nil, err
	}
	p := periods.Period{Name: o.Name, Timezone: zone.String(), Corrects: o.Corrects, Reason: o.Reason}
	if p.From, err = s.instant("from", o.From); err != nil {
		return nil, err
	}
	if p.To, err = s.instant("to", o.To); err != nil {
		return nil, err
	}
	if p.From.IsZero() || p.To.IsZero() {
		return nil, problem(http.StatusBadRequest, "invalid_request", "from and to must say when it begins and ends")
	}
	opened, err := periods.OpenPeriod(ctx, s.System.Door, callerOf(ctx), p)
	return s.shownPeriod(opened, http.StatusCreated, err)
}

func (s *Server) closePeriod(ctx context.Context, in *periodPath) (*bodyOutput[periods.Shown], error) {
	closed, err := periods.Close(ctx, s.System.Door, callerOf(ctx), in.ID)
	return s.shownPeriod(closed, http.StatusOK, err)
}
