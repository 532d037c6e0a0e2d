package portal

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
)

// accountsPage lists the accounts with which people sign in.
type accountsPage struct {
	All    []accounts.Account
	Now    time.Time
	Create bool
}

func (p *Portal) accounts(r *request) (*shown, error) {
	if err := p.System.ViewRecords(r.Context(), r.caller, accounts.Register, "", nil); err != nil {
		return nil, err
	}
	page := &accountsPage{Now: p.System.Clock.Now(), Create: r.may("account.create")}
	return &shown{page: "accounts", title: "Accounts", data: page}, p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		page.All, err = accounts.List(reader)
		return err
	})
}

// roleOptions are the roles that can be given to somebody.
func roleOptions(names []string) (options []option) {
	for _, name := range names {
		options = append(options, option{Value: name, Text: name})
	}
	return options
}

func (p *Portal) newAccount(r *request) (*shown, error) { return p.newAccountWith(r, nil, 0) }

func (p *Portal) newAccountWith(r *request, wrong map[string]string, status int) (*shown, error) {
	a := sentForm(r, wrong)
	person := a.field("text", "person", "Person", "Their record in the register of people, such as person/E1001: what takes two people knows them by it.", "")
	person.Refers = people.Register.Name
	if err := p.suggest(r, &person); err != nil {
		return nil, err
	}
	page := &askPage{
		Lead:   "A password is made for the account and shown once: whoever gets it changes it when they sign in.",
		Action: "/settings/accounts", Button: "Make the account", Back: "/settings/accounts", BackTo: "Accounts",
		Inputs: []input{
			a.needed("text", "id", "Signs in as", "An e-mail address, for instance.", ""),
			a.needed("text", "name", "Name", "", ""),
			person,
			a.choice("some", "roles", "Roles", "", roleOptions(access.Roles.Names())),
		},
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "ask", title: "Add an account", status: status, data: page}, nil
}

func (p *Portal) newAccountAgain(r *request) (*shown, error) {
	return p.newAccountWith(r, map[string]string{"": r.held.text}, r.held.status)
}

func (p *Portal) createAccount(r *request) (*shown, error) {
	wrong := r.missing("id", "name")
	roles := r.ticked("roles")
	if len(roles) == 0 {
		wrong["roles"] = "choose one at least"
	}
	// People are chosen by their names.
	meant, err := p.meant(r, described(accounts.Register, accounts.Register.Field("person")), typing{texts: []string{r.text("person")}})
	var several *record.Invalid
	if errors.As(err, &several) {
		wrong["person"] = several.Fields[0].Problem
	} else if err != nil {
		return nil, err
	}
	person := meant.text()
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		id, ok := strings.CutPrefix(person, people.Register.Name+"/")
		if person == "" || !ok {
			return nil // what is no reference is refused below
		}
		if _, err := record.Get(reader, people.Register.Name, id); errors.Is(err, record.ErrNone) {
			wrong["person"] = "there is nobody like this in the register of people"
		} else if err != nil {
			return err
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if len(wrong) > 0 {
		return p.newAccountWith(r, wrong, http.StatusUnprocessableEntity)
	}
	var repeated *act.RepeatedError
	made, password, err := accounts.CreateOnce(r.once, p.System.Door, r.caller, accounts.Account{ID: r.text("id"), Name: r.text("name"), Person: person, Roles: roles})
	switch {
	case errors.As(err, &repeated): // its password was shown; from its page another one is given
		return &shown{to: "/settings/accounts/" + url.PathEscape(accounts.ID(r.text("id")))}, nil
	case errors.Is(err, record.ErrExists):
		return p.newAccountWith(r, map[string]string{"id": "somebody signs in as this already"}, http.StatusConflict)
	case errors.Is(err, accounts.ErrInvalid):
		return p.newAccountWith(r, map[string]string{accountField(err): sentence(err)}, http.StatusUnprocessableEntity)
	case errors.Is(err, act.ErrDenied) && slices.Contains(roles, "administrator"):
		return p.newAccountWith(r, map[string]string{"roles": ownWords(err, act.ErrDenied)}, http.StatusForbidden)
	case err != nil:
		return nil, err
	}
	return p.accountWith(r, made.ID, nil, password)
}

// accountField is the field that a mistake in an account is about.
func accountField(err error) string {
	text := err.Error()
	for _, about := range [][2]string{
		{"id", "no name to sign in with"}, {"name", "person's name"}, {"person", "no reference to a person"}, {"person", "has the account"}, {"person", "has left"}, {"roles", "role"},
	} {
		if strings.Contains(text, about[1]) {
			return about[0]
		}
	}
	return ""
}

// accountPage is an account with what may be done about it.
type accountPage struct {
	*accounts.Account
	Version                  int
	Href                     string
	Own                      bool
	SetRoles, Disable, Reset bool
	Roles                    input
	Password                 string // that was made, shown this once
	Ended                    bool   // its one-time password has
	Wrong                    []mistake
}

func (p *Portal) oneAccount(r *request) (*shown, error) {
	return p.accountWith(r, r.PathValue("id"), nil, "")
}

// accountWith shows an account, with what is wrong with what was asked, or with the
// password that was made for it.
func (p *Portal) accountWith(r *request, id string, failed error, password string) (*shown, error) {
	if err := p.System.ViewRecords(r.Context(), r.caller, accounts.Register, id, nil); err != nil {
		return nil, err
	}
	page := &accountPage{Password: password}
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		page.Account, page.Version, err = accounts.Get(reader, id)
		return err
	}); err != nil {
		return nil, err
	}
	page.Href = "/settings/accounts/" + url.PathEscape(page.ID)
	page.Ended = page.OneTimeEnded(p.System.Clock.Now())
	page.Own = page.Account.Caller().ID == r.caller.ID
	there := page.DisabledAt == nil && !page.Own
	page.SetRoles, page.Disable, page.Reset = there && r.may("account.roles"), there && r.may("account.disable"), there && r.may("account.password")
	page.Roles = asking{}.choice("some", "roles", "Roles", "", roleOptions(access.Roles.Names()), page.Account.Roles...)
	answer := &shown{page: "oneaccount", title: page.Name, data: page}
	if failed != nil {
		answer.status = http.StatusUnprocessableEntity
		if errors.Is(failed, act.ErrDenied) {
			answer.status = http.StatusForbidden
		}
		if errors.Is(failed, record.ErrStale) {
			answer.status = http.StatusConflict
		}
		page.Roles = sentForm(r, nil).choice("some", "roles", "Roles", "", roleOptions(access.Roles.Names()), page.Account.Roles...)
		page.Wrong = []mistake{{Problem: r.says(ownWords(failed, act.ErrSamePerson, act.ErrDenied, accounts.ErrInvalid, record.ErrSame, record.ErrStale))}}
	}
	return answer, nil
}

// accountChanged goes back to an account, or says why it was not changed.
func (p *Portal) accountChanged(r *request, err error) (*shown, error) {
	id := r.PathValue("id")
	var repeated *act.RepeatedError
	if err == nil || errors.As(err, &repeated) {
		return &shown{to: "/settings/accounts/" + url.PathEscape(id)}, nil
	}
	for _, kind := range []error{act.ErrSamePerson, act.ErrDenied, accounts.ErrInvalid, record.ErrSame, record.ErrStale} {
		if errors.Is(err, kind) {
			return p.accountWith(r, id, err, "")
		}
	}
	return nil, err
}

func (p *Portal) accountRoles(r *request) (*shown, error) {
	from, err := r.from()
	if err != nil {
		return nil, err
	}
	_, err = accounts.SetRolesFrom(r.once, p.System.Door, r.caller, r.PathValue("id"), r.ticked("roles"), from)
	return p.accountChanged(r, err)
}

func (p *Portal) disableAccount(r *request) (*shown, error) {
	_, err := accounts.Disable(r.once, p.System.Door, r.caller, r.PathValue("id"))
	return p.accountChanged(r, err)
}

// accountPassword makes a new one-time password, and shows it this once.
func (p *Portal) accountPassword(r *request) (*shown, error) {
	password, err := accounts.GivePassword(r.Context(), p.System.Door, r.caller, r.PathValue("id"))
	if err != nil {
		return p.accountChanged(r, err)
	}
	return p.accountWith(r, r.PathValue("id"), nil, password)
}

// tokensPage lists the tokens of programs.
type tokensPage struct {
	All    []tokenLine
	Inputs []input
	Wrong  []mistake
	Revoke bool
	Token  string // that was made, shown this once
}

type tokenLine struct {
	access.Token

	Ended string // in words; empty: it is good
}

func (p *Portal) tokens(r *request) (*shown, error) { return p.tokensWith(r, nil, 0, "") }

func (p *Portal) tokensWith(r *request, wrong map[string]string, status int, token string) (*shown, error) {
	page := &tokensPage{Token: token, Revoke: r.may("token.revoke")}
	now := p.System.Clock.Now()
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		all, err := access.ListTokens(reader)
		for _, t := range slices.Backward(all) {
			line := tokenLine{Token: t}
			switch {
			case t.RevokedAt != nil:
				line.Ended = "revoked"
			case !now.Before(t.ExpiresAt):
				line.Ended = "expired"
			}
			page.All = append(page.All, line)
		}
		return err
	}); err != nil {
		return nil, err
	}
	a := sentForm(r, wrong)
	if token != "" {
		a = asking{}
	}
	page.Inputs = []input{
		a.needed("text", "name", "What it is for", "", ""),
		a.choice("one", "role", "Role", "Tokens that may approve, review or conclude are made at the console of the machine on which SCAF runs: scaf token create.", append([]option{{}}, roleOptions(access.Roles.Working())...)),
		a.needed("number", "days", "Days until it expires", "At most 366.", strconv.Itoa(int(access.DefaultLifetime/day))),
	}
	page.Wrong = a.mistakes(page.Inputs)
	return &shown{page: "tokens", title: "Tokens of programs", status: status, data: page}, nil
}

const day = 24 * time.Hour

func (p *Portal) tokensAgain(r *request) (*shown, error) {
	return p.tokensWith(r, map[string]string{"": r.held.text}, r.held.status, "")
}

func (p *Portal) createToken(r *request) (*shown, error) {
	wrong := r.missing("name", "role", "days")
	if wrong["role"] == "" && !slices.Contains(access.Roles.Working(), r.text("role")) {
		wrong["role"] = "is none that a token is given here"
	}
	days, err := strconv.Atoi(r.text("days"))
	if most := int(access.MaxLifetime / day); wrong["days"] == "" && (err != nil || days < 1 || days > most) {
		wrong["days"] = "is no number from 1 to " + strconv.Itoa(most)
	}
	if len(r.text("name")) > maxTokenName {
		wrong["name"] = "is longer than 200 bytes"
	}
	if len(wrong) > 0 {
		return p.tokensWith(r, wrong, http.StatusUnprocessableEntity, "")
	}
	token, _, err := access.CreateToken(r.once, p.System.Door, r.caller, r.text("role"), r.text("name"), time.Duration(days)*day)
	if repeated := new(act.RepeatedError); errors.As(err, &repeated) {
		return p.tokensWith(r, map[string]string{"": "This token was made when you sent the form first, and is shown that once. If you did not see it, revoke it and make another one."}, http.StatusConflict, "")
	}
	if err != nil {
		return nil, err
	}
	return p.tokensWith(r, nil, 0, token)
}

const maxTokenName = 200 // bytes

func (p *Portal) revokeToken(r *request) (*shown, error) {
	err := access.RevokeToken(r.Context(), p.System.Door, r.caller, r.PathValue("id"))
	if err != nil && !errors.Is(err, record.ErrSame) { // the button was pressed twice
		return nil, err
	}
	return &shown{to: "/settings/tokens"}, nil
}
