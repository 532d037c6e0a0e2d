package surface

import (
	"context"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
)

// VersionDesk is where versions of controls are proposed, approved and
// assessed.
func (s *System) VersionDesk() *versions.Desk {
	return &versions.Desk{Door: s.Door, Blobs: s.Blobs, Kinds: s.Kinds}
}

// FromCatalog are the controls with these ids of those that come with the
// program, or all of them when none is named.
func (s *System) FromCatalog(ids ...string) ([]*controls.Control, error) {
	all, err := s.catalogue()
	if err != nil || len(ids) == 0 {
		return all, err
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(c *controls.Control) bool { return !slices.Contains(ids, c.ID) })
	for _, id := range ids {
		if !slices.ContainsFunc(chosen, func(c *controls.Control) bool { return c.ID == id }) {
			return nil, fmt.Errorf("%w: the catalog has no control %q: propose the file", ErrNoControl, id)
		}
	}
	return chosen, nil
}

// Unadopted are the ids of the catalog's controls of which no version is proposed or in
// force: the company has not said that they are its own.
func (s *System) Unadopted(ctx context.Context) (ids []string, err error) {
	all, err := s.catalogue()
	if err != nil {
		return nil, err
	}
	return ids, s.DB.Read(ctx, func(r *store.Reader) error {
		of, err := versions.ByControl(r)
		if err != nil {
			return err
		}
		for _, c := range all {
			if !versions.Begun(of[c.ID]) {
				ids = append(ids, c.ID)
			}
		}
		return nil
	})
}

// ChoosePeriod reads the named period, or the one that began last.
func (s *System) ChoosePeriod(ctx context.Context, name string) (period *periods.Period, err error) {
	err = s.DB.Read(ctx, func(r *store.Reader) error {
		period, err = periods.Choose(r, name)
		return err
	})
	return period, err
}

// ProposeResolution proposes a resolution of a mismatch in a test that there
// is. Without a period the one that began last is meant.
func (s *System) ProposeResolution(ctx context.Context, caller act.Caller, r resolutions.Resolution) (*resolutions.Resolution, error) {
	over, err := s.ChoosePeriod(ctx, r.Period)
	if err != nil {
		return nil, err
	}
	control, err := s.Control(r.Control)
	if err != nil {
		return nil, err
	}
	if _, ok := control.Test(r.Test); !ok {
		return nil, fmt.Errorf("%w: %s has no test %q", resolutions.ErrInvalid, r.Control, r.Test)
	}
	r.Period, r.Owner = over.Name, control.Owner
	return resolutions.Propose(ctx, s.Door, caller, r)
}

// Instant reads an RFC 3339 time, or a date, which begins at midnight in the
// organisation's time zone.
func (s *System) Instant(text string) (time.Time, error) {
	zone, err := s.Config.Location()
	if err != nil {
		return time.Time{}, err
	}
	return config.Instant(text, zone)
}
