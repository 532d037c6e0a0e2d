package surface

import (
	"context"
	"strings"

	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Nobody are those of some owners, as duties and controls name them, whom nobody is:
// words that are nobody's title, role or account, and people who have left.
func (s *System) Nobody(ctx context.Context, owners []string) (map[string]bool, error) {
	nobody := map[string]bool{}
	return nobody, s.DB.Read(ctx, func(r *store.Reader) error {
		a, err := s.audience(r)
		if err != nil {
			return err
		}
		titles, err := record.Values(r, people.Register, `item.state == "active"`, "title")
		if err != nil {
			return err
		}
		a.titles = map[string][]string{} // somebody has each of them: it does not matter who
		for _, title := range titles {
			a.titles[strings.ToLower(strings.TrimSpace(title))] = []string{title}
		}
		for _, owner := range owners {
			found, err := a.named(strings.TrimSpace(owner))
			if err != nil {
				return err
			}
			if len(found) == 0 {
				nobody[owner] = true
			}
		}
		return nil
	})
}
