package api

import (
	"context"
	"errors"
	"net/http"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/stamps"
)

func (s *Server) registerLedger() {
	register(s, "get-checkpoint", s.getCheckpoint)
	register(s, "get-key", s.getKey)
	register(s, "stamp-ledger", s.stampLedger)
}

func (s *Server) getCheckpoint(ctx context.Context, _ *none) (*rawBody, error) {
	var head ledger.Head
	err := s.System.DB.Read(ctx, func(r *store.Reader) (err error) {
		head, err = ledger.ReadHead(r)
		return err
	})
	return &rawBody{textType, []byte(head.Checkpoint)}, err
}

func (s *Server) getKey(context.Context, *none) (*rawBody, error) {
	return &rawBody{textType, []byte(s.System.VerifierKey + "\n")}, nil
}

type stampOutput struct {
	Body struct {
		*stamps.Stamped
		Receipt act.Receipt `json:"receipt"`
	}
}

func (s *Server) stampLedger(ctx context.Context, _ *none) (*stampOutput, error) {
	out := &stampOutput{}
	var err error
	out.Body.Stamped, out.Body.Receipt, err = s.System.Stamp(ctx, callerOf(ctx), nil)
	if errors.Is(err, surface.ErrNoAuthority) {
		return nil, problem(http.StatusConflict, "no_authority", "no time stamp authority is configured")
	}
	return out, err
}
