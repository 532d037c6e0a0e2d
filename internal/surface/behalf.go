package surface

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/store"
)

// ErrBehalf says: nobody can act on behalf of the named person.
var ErrBehalf = errors.New("cannot act on behalf of somebody else")

// localCaller is what the reference of somebody at this machine begins with.
const localCaller = "local/"

// OnBehalf returns a caller that acts for a person of the register of people.
// Only somebody at this machine can, whom the operating system lets read the
// ledger's keys; every event names both (ADR 16). With an empty person it is
// the caller.
func (s *System) OnBehalf(ctx context.Context, caller act.Caller, person string) (act.Caller, error) {
	if person == "" {
		return caller, nil
	}
	if !strings.HasPrefix(caller.ID, localCaller) || caller.By != "" {
		return caller, fmt.Errorf("%w: %s is not at this machine", ErrBehalf, caller.ID)
	}
	var standing tasks.Standing
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		standing, err = directory{s.Kinds}.Standing(r, person)
		return err
	}); err != nil {
		return caller, err
	}
	switch standing {
	case tasks.Present:
		return act.Caller{ID: person, Roles: caller.Roles, By: caller.ID}, nil
	case tasks.Gone:
		return caller, fmt.Errorf("%w: %s has left", ErrBehalf, person)
	case tasks.Unknown:
		return caller, fmt.Errorf("%w: there is no %s: see scaf record list people", ErrBehalf, person)
	}
	return caller, fmt.Errorf("%w: %q is no person: write it as person/E1001", ErrBehalf, person)
}
