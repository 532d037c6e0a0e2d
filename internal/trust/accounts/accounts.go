// Package accounts keeps the local accounts with which people sign in: who they
// are in a register, what they know (argon2id) and where they are signed in in
// tables of their own.
package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/access"
)

// Account is a person's account.
type Account struct {
	ID   string `json:"id"` // what they sign in with, in small letters
	Name string `json:"name"`
	// Person is their record in the register of people, "person/E1001": what they
	// do is then done by that person, and two-person rules know them.
	Person     string     `json:"person,omitempty"`
	Roles      []string   `json:"roles"`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by"`
	DisabledAt *time.Time `json:"disabled_at,omitempty"`
	// OneTime: the password was made for the person, who changes it before anything
	// else.
	OneTime bool `json:"one_time,omitempty"`
	// OneTimeUntil is when a one-time password ends with which nobody has signed in.
	OneTimeUntil *time.Time `json:"one_time_until,omitempty"`
	// CredentialSHA256 is of what is kept of the password, which is salted and
	// says nothing: whoever puts another one into the database does not sign in.
	CredentialSHA256 string `json:"credential_sha256"`
}

// Register is the register of accounts.
var Register = record.Define[Account](record.Definition{
	Kind: "account", Register: "accounts", Title: "Accounts", Singular: "Account", At: "created_at", Internal: true, Personal: true,
	Purpose: "Who can sign in, and with which roles.",
	Columns: []record.Column{{Field: "name", Filter: true, Sort: true}, {Field: "person", Filter: true}, {Field: "created_at", Filter: true, Sort: true}, {Field: "disabled_at", Filter: true}},
	Fields: []record.Field{
		{Name: "id", Label: "Signs in as"}, {Name: "name", Label: "Name"}, {Name: "person", Label: "Person", Refers: "person"}, {Name: "roles", Label: "Roles"},
		{Name: "created_at", Label: "Created"}, {Name: "created_by", Label: "Created by"}, {Name: "disabled_at", Label: "Disabled"},
		{Name: "one_time", Label: "One-time password"}, {Name: "one_time_until", Label: "One-time password until"},
		{Name: "credential_sha256", Unseen: true},
	},
})

// Errors of accounts.
var (
	// ErrInvalid: it cannot be an account, or a password, as it stands.
	ErrInvalid = errors.New("refused")
	// ErrSignIn: there is no such account, it is disabled or locked, its person has
	// left, or the password is another one. Which of them it is, the caller is not told.
	ErrSignIn = errors.New("the name or the password is not right, or the account is locked: after five wrong passwords in a row it is, for a quarter of an hour")
	// ErrBusy: more people sign in at this moment than can be looked at, whoever they are.
	ErrBusy = errors.New("many people sign in at this moment: try again in a few seconds")
	// ErrOneTimeEnded: the one-time password was the right one, and has ended.
	ErrOneTimeEnded = fmt.Errorf("this password was made for you and has ended: it is good for %d hours; ask whoever gave it to you, or another administrator of accounts, for a new one", int(OneTimeLifetime.Hours()))
	// ErrSession: nobody is signed in with this.
	ErrSession = errors.New("you are not signed in")
	// ErrSetUp: there is an account already.
	ErrSetUp = errors.New("SCAF has been set up: sign in, or ask who may create accounts")
)

// Caller is who acts when the account does.
func (a *Account) Caller() act.Caller {
	c := act.Caller{ID: Register.Name + "/" + a.ID, Roles: append(slices.Clone(a.Roles), access.AccountRole)}
	if a.Person != "" {
		c.ID = a.Person
	}
	return c
}

var (
	idForm     = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{1,99}$`)
	personForm = regexp.MustCompile(`^person/\S{1,100}$`)
)

// ID is how a name to sign in with is kept: whoever types capitals means the
// same account.
func ID(typed string) string { return strings.ToLower(strings.TrimSpace(typed)) }

// check says what is wrong with an account.
func (a *Account) check() error {
	switch {
	case !idForm.MatchString(a.ID):
		return fmt.Errorf("%w: %q is no name to sign in with: 2 to 100 letters, digits and . _ @ + -, such as ann@example.com", ErrInvalid, a.ID)
	case strings.TrimSpace(a.Name) == "" || len(a.Name) > 200:
		return fmt.Errorf("%w: the person's name is missing, or longer than 200 bytes", ErrInvalid)
	case a.Person != "" && !personForm.MatchString(a.Person):
		return fmt.Errorf("%w: %q is no reference to a person, such as person/E1001", ErrInvalid, a.Person)
	}
	return checkRoles(a.Roles)
}

func checkRoles(roles []string) error {
	if len(roles) == 0 {
		return fmt.Errorf("%w: an account has at least one role: %s", ErrInvalid, strings.Join(access.Roles.Names(), ", "))
	}
	for i, role := range roles {
		if !access.Roles.Grantable(role) {
			return fmt.Errorf("%w: there is no role %q: the roles are %s", ErrInvalid, role, strings.Join(access.Roles.Names(), ", "))
		}
		if slices.Contains(roles[:i], role) {
			return fmt.Errorf("%w: the role %s is there twice", ErrInvalid, role)
		}
	}
	if slices.Contains(roles, auditor) && len(roles) > 1 {
		return fmt.Errorf("%w: an auditor has no other role: who works on the controls does not audit them", ErrInvalid)
	}
	return nil
}

// Create makes an account with a password (record.ErrExists: there is one). An
// administrator's is made, changed, disabled and given a password by an
// administrator only (act.ErrDenied).
func Create(ctx context.Context, door *act.Door, caller act.Caller, a Account, password string) (*Account, error) {
	return create(ctx, door, caller, a, password, func(*act.Tx) error { return reaches(caller, a.Roles) })
}

// passwordMade says, at an instant, of which password the account's is, and until when it
// is good if it was made for the person.
func (a *Account) passwordMade(hash string, now time.Time) {
	a.CredentialSHA256, a.OneTimeUntil = digest(hash), nil
	if a.OneTime {
		until := now.Add(OneTimeLifetime)
		a.OneTimeUntil = &until
	}
}

// OneTimeEnded reports whether nobody signs in any more with the one-time password that
// the account has. One that was made when they had no end has ended.
func (a *Account) OneTimeEnded(now time.Time) bool {
	return a.OneTime && (a.OneTimeUntil == nil || !now.Before(*a.OneTimeUntil))
}

// CreateOnce is Create with a password that is made for the person, and returned this
// once: they change it when they sign in.
func CreateOnce(ctx context.Context, door *act.Door, caller act.Caller, a Account) (*Account, string, error) {
	a.OneTime = true
	password := oneTime()
	made, err := Create(ctx, door, caller, a, password)
	return made, password, err
}

// First makes the first account of a new folder, an administrator's, for whoever
// has the console's token. ErrSetUp when there is an account.
func First(ctx context.Context, door *act.Door, a Account, password string) (*Account, error) {
	a.Roles = []string{administrator}
	return create(ctx, door, act.JobCaller(firstJob), a, password, func(tx *act.Tx) error {
		if some, err := Any(&tx.Reader); err != nil || some {
			return errors.Join(err, ErrSetUp)
		}
		return nil
	})
}

const (
	administrator = "administrator"
	auditor       = "auditor"
)

// firstJob is what creates the first account: nobody is signed in yet.
const firstJob = "account.first"

func create(ctx context.Context, door *act.Door, caller act.Caller, a Account, password string, also func(*act.Tx) error) (*Account, error) {
	a.ID = ID(a.ID)
	if err := errors.Join(a.check(), checkPassword(password, a.ID, a.Name)); err != nil {
		return nil, err
	}
	hash, err := hashPassword(ctx, password)
	if err != nil {
		return nil, err
	}
	_, err = door.Do(ctx, caller, "account.create", Register.Name+"/"+a.ID, func(tx *act.Tx) error {
		if err := also(tx); err != nil {
			return err
		}
		if a.Person != "" {
			if err := a.belongs(&tx.Reader); err != nil {
				return err
			}
		}
		a.CreatedAt, a.CreatedBy, a.DisabledAt = tx.Now(), tx.Caller().ID, nil
		a.passwordMade(hash, tx.Now())
		if _, err := record.Put(tx, Register, record.Change{Verb: "created", ID: a.ID, Doc: a}); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO account_credential (account, hash, changed_at, failures, locked_until) VALUES ($1, $2, $3, 0, 0)`,
			a.ID, hash, tx.Now().UnixMicro())
		return err
	})
	return &a, err
}

// belongs refuses an account of nobody who is there, of who has left, and a second one of
// somebody: two-person rules know people, and each has one account.
func (a *Account) belongs(r *store.Reader) error {
	are, err := persons(r, *a)
	if err != nil {
		return err
	}
	switch is := are[a.Person]; {
	case is == nil:
		return fmt.Errorf("%w: %s is nobody in the register of people: add them before, or leave it out", ErrInvalid, a.Person)
	case is.State == left:
		return fmt.Errorf("%w: %s has left", ErrInvalid, a.Person)
	}
	all, err := List(r)
	for i := range all {
		if all[i].Person == a.Person && all[i].DisabledAt == nil {
			return fmt.Errorf("%w: %s has the account %s already: give that one other roles, or disable it first", ErrInvalid, a.Person, all[i].ID)
		}
	}
	return err
}

// left is the state of a person who works here no more.
const left = "left"

// employed is what an account asks of the record of its person.
type employed struct {
	State  string     `json:"state"`
	LeftAt *time.Time `json:"left_at"`
}

// over reports whether the last moment of work has passed; of nobody it has not.
func (e *employed) over(now time.Time) bool {
	return e != nil && e.State == left && (e.LeftAt == nil || !e.LeftAt.After(now))
}

// persons is what the register of people says of whose accounts are, by the reference.
func persons(r *store.Reader, all ...Account) (map[string]*employed, error) {
	var ids []string
	for i := range all {
		if all[i].Person != "" {
			ids = append(ids, strings.TrimPrefix(all[i].Person, "person/"))
		}
	}
	found := map[string]*employed{}
	for part := range slices.Chunk(ids, act.MaxBatch) {
		docs, err := record.Current(r, "person", part)
		if err != nil {
			return nil, err
		}
		for id, doc := range docs {
			is := &employed{}
			if err := json.Unmarshal(doc, is); err != nil {
				return nil, fmt.Errorf("person/%s: %w", id, err)
			}
			found["person/"+id] = is
		}
	}
	return found, nil
}

// Ended reports whether nobody signs in with the account at an instant, or stays so: it
// is disabled, or the last moment of work of its person has passed.
func (a *Account) Ended(r *store.Reader, now time.Time) (bool, error) {
	if a.DisabledAt != nil || a.Person == "" {
		return a.DisabledAt != nil, nil
	}
	are, err := persons(r, *a)
	return are[a.Person].over(now), err
}

// Open are the accounts with which somebody can sign in at an instant, the oldest first.
func Open(r *store.Reader, now time.Time) ([]Account, error) {
	all, err := List(r)
	if err != nil {
		return nil, err
	}
	are, err := persons(r, all...)
	return slices.DeleteFunc(all, func(a Account) bool { return a.DisabledAt != nil || are[a.Person].over(now) }), err
}

// Any reports whether there is an account.
func Any(r *store.Reader) (bool, error) {
	n, err := record.Total(r, Register)
	return n > 0, err
}

// Get reads an account. record.ErrNone when there is none.
func Get(r *store.Reader, id string) (*Account, int, error) {
	v, err := record.Get(r, Register.Name, ID(id))
	if err != nil {
		return nil, 0, err
	}
	a := &Account{}
	return a, v.Version, json.Unmarshal(v.Doc, a)
}

// List reads all accounts, the oldest first.
func List(r *store.Reader) ([]Account, error) {
	all := []Account{}
	err := record.Each(r, record.Range{Kind: Register.Name}, func(v *record.Version) error {
		var a Account
		err := json.Unmarshal(v.Doc, &a)
		all = append(all, a)
		return err
	})
	return all, err
}

// Present is a caller as they are now: with the roles that the account has by which they act.
// It refuses (act.ErrDenied) who signs in with none any more.
func Present(r *store.Reader, caller string, now time.Time) (act.Caller, error) {
	all, err := List(r)
	if err != nil {
		return act.Caller{}, err
	}
	for i := range all {
		if all[i].Caller().ID != caller {
			continue
		}
		if ended, err := all[i].Ended(r, now); err != nil || !ended {
			return all[i].Caller(), err
		}
	}
	return act.Caller{}, fmt.Errorf("%w: %s has no account here any more", act.ErrDenied, caller)
}

// SetRoles gives an account other roles. Nobody does so for their own
// (act.ErrSamePerson), and the last administrator stays one.
func SetRoles(ctx context.Context, door *act.Door, caller act.Caller, id string, roles []string) (*Account, error) {
	return setRoles(ctx, door, caller, id, roles, record.AnyVersion)
}

// SetRolesFrom is SetRoles by somebody who saw a version of the account. record.ErrStale: it
// has other roles by now.
func SetRolesFrom(ctx context.Context, door *act.Door, caller act.Caller, id string, roles []string, from int) (*Account, error) {
	return setRoles(ctx, door, caller, id, roles, from)
}

func setRoles(ctx context.Context, door *act.Door, caller act.Caller, id string, roles []string, from int) (*Account, error) {
	if err := checkRoles(roles); err != nil {
		return nil, err
	}
	return change(ctx, door, caller, id, "account.roles", "changed", func(tx *act.Tx, a *Account) error {
		if from != record.AnyVersion {
			if err := a.rolesSince(&tx.Reader, from); err != nil {
				return err
			}
		}
		a.Roles = roles
		return keepsAdministrator(&tx.Reader, a, tx.Now())
	})
}

// rolesSince refuses where the account has other roles than it had at a version: another
// password is no matter.
func (a *Account) rolesSince(r *store.Reader, from int) error {
	v, err := record.GetVersion(r, Register.Name, a.ID, from)
	if err != nil {
		return err
	}
	var was Account
	if err := json.Unmarshal(v.Doc, &was); err != nil {
		return err
	}
	before, now := slices.Sorted(slices.Values(was.Roles)), slices.Sorted(slices.Values(a.Roles))
	if slices.Equal(before, now) {
		return nil
	}
	return fmt.Errorf("%w: somebody else has given the account other roles since this page was loaded: %s, and no longer %s", record.ErrStale, strings.Join(now, ", "), strings.Join(before, ", "))
}

// Disable ends an account, and wherever it is signed in, at once. Nobody does
// so to their own (act.ErrSamePerson), and the last administrator stays.
func Disable(ctx context.Context, door *act.Door, caller act.Caller, id string) (*Account, error) {
	return change(ctx, door, caller, id, "account.disable", "disabled", func(tx *act.Tx, a *Account) error {
		if a.DisabledAt != nil {
			return fmt.Errorf("%w: it was disabled at %s", record.ErrSame, a.DisabledAt.Format(time.RFC3339))
		}
		now := tx.Now()
		a.DisabledAt = &now
		if err := keepsAdministrator(&tx.Reader, a, tx.Now()); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM account_session WHERE account = $1`, a.ID)
		return err
	})
}

func change(ctx context.Context, door *act.Door, caller act.Caller, id, action, verb string, edit func(*act.Tx, *Account) error) (*Account, error) {
	var a *Account
	_, err := door.Do(ctx, caller, action, Register.Name+"/"+ID(id), func(tx *act.Tx) error {
		var version int
		var err error
		if a, version, err = Get(&tx.Reader, id); err != nil {
			return err
		}
		if own := a.Caller().ID; own == caller.ID || own == caller.By {
			return fmt.Errorf("%w: nobody changes their own account's roles, or disables it", act.ErrSamePerson)
		}
		before := a.Roles
		if err := edit(tx, a); err != nil {
			return err
		}
		if err := reaches(caller, slices.Concat(before, a.Roles)); err != nil {
			return err
		}
		_, err = record.Put(tx, Register, record.Change{Verb: verb, ID: a.ID, Doc: a, Expect: version})
		return err
	})
	return a, err
}

// reaches refuses a caller who is no administrator and would make one, or act on
// one: whoever sets an administrator's password is one.
func reaches(caller act.Caller, roles []string) error {
	if slices.Contains(roles, administrator) && !slices.Contains(caller.Roles, administrator) {
		return fmt.Errorf("%w: an administrator's account is in the hands of administrators", act.ErrDenied)
	}
	return nil
}

// keepsAdministrator refuses a change after which nobody could create accounts.
func keepsAdministrator(r *store.Reader, changed *Account, now time.Time) error {
	all, err := List(r)
	if err != nil {
		return err
	}
	for _, a := range append(slices.DeleteFunc(all, func(a Account) bool { return a.ID == changed.ID }), *changed) {
		if access.Roles.Authorize(a.Caller(), "account.create", "") != nil {
			continue
		}
		if ended, err := a.Ended(r, now); err != nil || !ended {
			return err
		}
	}
	return fmt.Errorf("%w: after this nobody who has an account could create accounts", ErrInvalid)
}
