package portal

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
)

// agreementPage is what somebody signs, as they see it themselves.
type agreementPage struct {
	*people.Agreement
	Ask []string // the names of those who record that it was signed
}

// agreementOf is the page on which somebody sees what they have to sign; empty for other
// references.
func agreementOf(ref string) string {
	id, ok := strings.CutPrefix(ref, people.Agreements.Name+"/")
	if !ok {
		return ""
	}
	return "/agreements/" + url.PathEscape(id)
}

// agreement shows somebody what they have to sign, and whom to ask: that they did is
// recorded by somebody else. Others read the record, which is recorded.
func (p *Portal) agreement(r *request) (*shown, error) {
	page := &agreementPage{}
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		if page.Agreement, _, err = record.Load[people.Agreement](reader, people.Agreements, r.PathValue("id")); err != nil {
			return err
		}
		page.Ask, err = recorders(reader, page.Person)
		return err
	}); err != nil {
		return nil, err
	}
	switch {
	case page.Person == r.person():
		return &shown{page: "agreement", title: page.Terms, data: page}, nil
	case r.may(readAction(people.Agreements)):
		return &shown{to: at(people.Agreements, page.ID)}, nil
	}
	return nil, fmt.Errorf("%w: it is somebody else's agreement", act.ErrDenied)
}

// maxAsked is how many names of those are shown whom somebody can ask.
const maxAsked = 5

// recorders are the names of those who may record what a person signed: of those whose
// work it is, or else of the administrators.
func recorders(reader *store.Reader, person string) (names []string, err error) {
	all, err := accounts.List(reader)
	if err != nil {
		return nil, err
	}
	for _, administrators := range []bool{false, true} {
		for _, one := range all {
			caller := one.Caller()
			if one.DisabledAt == nil && caller.ID != person && slices.Contains(one.Roles, "administrator") == administrators &&
				access.Roles.Authorize(caller, people.Agreements.Name+".move", "") == nil && len(names) < maxAsked {
				names = append(names, one.Name)
			}
		}
		if len(names) > 0 {
			break
		}
	}
	slices.Sort(names)
	return names, nil
}
