package api

import (
	"context"

	"scaf.dev/scaf/internal/governance/people"
)

func (s *Server) registerHRIS() { register(s, "take-people", s.takePeople) }

type deliveredOutput struct{ Body *people.Delivered }

func (s *Server) takePeople(ctx context.Context, _ *none) (*deliveredOutput, error) {
	r := requestOf(ctx)
	done, err := s.System.TakePeople(ctx, r.message, r.body)
	return &deliveredOutput{done}, err
}
