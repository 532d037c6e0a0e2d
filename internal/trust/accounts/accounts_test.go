package accounts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/accounts"
	"scaf.dev/scaf/internal/trust/accounts/accountstest"
	"scaf.dev/scaf/internal/trust/ledger"
)

var ctx = context.Background()

const password = "correct horse battery"

func ann() accounts.Account {
	return accounts.Account{ID: "Ann@Example.com ", Name: "Example Ann", Roles: []string{"compliance"}}
}

// each runs a test on a new folder on both databases, with Ann's account in it.
func each(t *testing.T, test func(t *testing.T, f *apptest.Folder)) {
	t.Helper()
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		if _, err := accounts.Create(ctx, f.Door, apptest.Operator, ann(), password); err != nil {
			t.Fatal(err)
		}
		test(t, f)
	})
}

func signIn(f *apptest.Folder, id, password string) (string, error) {
	secret, _, err := accounts.SignIn(ctx, f.Door, id, password)
	return secret, err
}

func who(t *testing.T, f *apptest.Folder, secret string) (caller act.Caller, err error) {
	t.Helper()
	return caller, f.DB.Read(ctx, func(r *store.Reader) error {
		s, err := accounts.Authenticate(r, secret, f.Manual.Now())
		if err == nil {
			caller = s.Caller()
		}
		return err
	})
}

func events(t *testing.T, f *apptest.Folder, eventType string) (all []string) {
	t.Helper()
	if err := ledger.Find(ctx, f.DB, ledger.Query{Type: eventType}, func(e *ledger.Event) error {
		all = append(all, e.Actor+" "+e.Outcome+" "+e.Subject)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhoKnowsThePasswordIsSignedIn(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		secret, err := signIn(f, "ANN@example.com", password)
		if err != nil {
			t.Fatal(err)
		}
		other, err := signIn(f, "ann@example.com", password)
		if err != nil || other == secret {
			t.Fatal(err, "the secret is the same again")
		}
		if c, err := who(t, f, secret); err != nil || c.ID != "account/ann@example.com" || fmt.Sprint(c.Roles) != "[compliance account]" {
			t.Errorf("%+v %v", c, err)
		}
		if got := events(t, f, accounts.BeganType); len(got) != 2 || got[0] != "account/ann@example.com success account/ann@example.com" {
			t.Errorf("%q", got)
		}
		for _, wrong := range []string{"", "x", secret + "x", secret[1:]} {
			if _, err := who(t, f, wrong); !errors.Is(err, accounts.ErrSession) {
				t.Errorf("%q: %v", wrong, err)
			}
		}
		// A session ends after its time, and another one at once.
		f.Manual.Advance(accounts.Lifetime - time.Microsecond)
		if _, err := who(t, f, secret); err != nil {
			t.Error(err)
		}
		var session *accounts.Session
		if err := f.DB.Read(ctx, func(r *store.Reader) (err error) {
			session, err = accounts.Authenticate(r, other, f.Manual.Now())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := accounts.SignOut(ctx, f.Door, session); err != nil {
			t.Fatal(err)
		}
		if _, err := who(t, f, other); !errors.Is(err, accounts.ErrSession) {
			t.Error("signed out and still there")
		}
		f.Manual.Advance(time.Microsecond)
		if _, err := who(t, f, secret); !errors.Is(err, accounts.ErrSession) {
			t.Error("the session has no end")
		}
	})
}

func TestNobodyElseIsSignedIn(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		for _, c := range []struct{ id, password string }{
			{"ann@example.com", "wrong horse battery"}, {"ann@example.com", ""}, {"bob@example.com", password}, {"", password},
			{"ann@example.com", password + " "}, {"ann@example.com", strings.Repeat("x", 5000)},
		} {
			if _, err := signIn(f, c.id, c.password); !errors.Is(err, accounts.ErrSignIn) {
				t.Errorf("%q %.20q: %v", c.id, c.password, err)
			}
		}
		// Of an account every wrong password is an event; of none nothing is.
		if got := events(t, f, accounts.RefusedType); len(got) != 4 || got[0] != "account/ann@example.com denied account/ann@example.com" {
			t.Errorf("%q", got)
		}
	})
}

// After five wrong passwords not even the right one is taken for a while, and
// nothing more is written.
func TestAnAccountIsLocked(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		for range 4 {
			_, _ = signIn(f, "ann@example.com", "wrong horse battery")
		}
		if _, err := signIn(f, "ann@example.com", password); err != nil { // which begins the count again
			t.Fatal(err)
		}
		for range 7 {
			if _, err := signIn(f, "ann@example.com", "wrong horse battery"); !errors.Is(err, accounts.ErrSignIn) {
				t.Fatal(err)
			}
		}
		if got := events(t, f, accounts.RefusedType); len(got) != 9 {
			t.Errorf("%d refusals are recorded", len(got))
		}
		f.Manual.Advance(15*time.Minute - time.Microsecond)
		if _, err := signIn(f, "ann@example.com", password); !errors.Is(err, accounts.ErrSignIn) {
			t.Error("it was not locked:", err)
		}
		f.Manual.Advance(time.Microsecond)
		if _, err := signIn(f, "ann@example.com", password); err != nil {
			t.Error("it stays locked:", err)
		}
	})
}

// What the database says of a password counts only if the ledger says it too.
func TestACredentialPutIntoTheDatabaseOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		eve := accounts.Account{ID: "eve", Name: "Example Eve", Roles: []string{"employee"}}
		if _, err := accounts.Create(ctx, f.Door, apptest.Operator, eve, "another long password"); err != nil {
			t.Fatal(err)
		}
		if _, err := signIn(f, "eve", "another long password"); err != nil {
			t.Fatal(err)
		}
		f.Behind(t, func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE account_credential SET hash = (SELECT c.hash FROM account_credential c WHERE c.account = 'eve') WHERE account = 'ann@example.com'`)
			return err
		})
		if _, err := signIn(f, "ann@example.com", "another long password"); !errors.Is(err, accounts.ErrSignIn) {
			t.Error("a hash that was put there opens the account:", err)
		}
	})
}

// In a session that somebody left open the present password is guessed as seldom as at the
// sign-in, and each guess is on record.
func TestThePresentPasswordIsNotGuessed(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		self, next := act.Caller{ID: "account/ann@example.com", Roles: []string{"compliance", "account"}}, "another long password"
		for range 5 {
			if err := accounts.SetPassword(ctx, f.Door, self, "ann@example.com", "not the password", next); !errors.Is(err, accounts.ErrInvalid) {
				t.Fatal(err)
			}
		}
		if refused := events(t, f, accounts.RefusedType); len(refused) != 5 {
			t.Errorf("%d wrong passwords are on record", len(refused))
		}
		if err := accounts.SetPassword(ctx, f.Door, self, "ann@example.com", password, next); !errors.Is(err, accounts.ErrInvalid) || !strings.Contains(err.Error(), "too many") {
			t.Error("after five wrong ones the right one is taken:", err)
		}
		if _, err := signIn(f, "ann@example.com", password); !errors.Is(err, accounts.ErrSignIn) {
			t.Error("and somebody is signed in:", err)
		}
		f.Manual.Advance(15*time.Minute + time.Second)
		if err := accounts.SetPassword(ctx, f.Door, self, "ann@example.com", password, next); err != nil {
			t.Error(err)
		}
	})
}

// Whoever has the database pays for each guess what OWASP recommends at the least.
func TestWhatAPasswordCosts(t *testing.T) {
	f := apptest.New(t, config.Config{})
	accountstest.Full(t)
	if _, err := accounts.Create(ctx, f.Door, apptest.Operator, ann(), password); err != nil {
		t.Fatal(err)
	}
	var hash string
	if err := f.DB.Read(ctx, func(r *store.Reader) error {
		return r.One(`SELECT hash FROM account_credential`, nil, []any{&hash})
	}); err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=47104,t=1,p=1$") {
		t.Errorf("%q, %v", hash, err)
	}
}

func TestPasswordsAreChanged(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		secret, err := signIn(f, "ann@example.com", password)
		if err != nil {
			t.Fatal(err)
		}
		self, err := who(t, f, secret)
		if err != nil {
			t.Fatal(err)
		}
		next := "battery staple, correct"
		if err := accounts.SetPassword(ctx, f.Door, self, "ann@example.com", "not the password", next); !errors.Is(err, accounts.ErrInvalid) {
			t.Error("without the present password:", err)
		}
		if err := accounts.SetPassword(ctx, f.Door, self, "ann@example.com", password, next); err != nil {
			t.Fatal(err)
		}
		if _, err := who(t, f, secret); !errors.Is(err, accounts.ErrSession) {
			t.Error("a session outlives the password")
		}
		if _, err := signIn(f, "ann@example.com", password); !errors.Is(err, accounts.ErrSignIn) {
			t.Error("the old password is taken")
		}
		if _, err := signIn(f, "ann@example.com", next); err != nil {
			t.Error(err)
		}
		if err := accounts.SetPassword(ctx, f.Door, apptest.Operator, "ann@example.com", "", password); err != nil {
			t.Error("reset by an administrator:", err)
		}
		if err := accounts.SetPassword(ctx, f.Door, act.Caller{ID: "account/bob", Roles: []string{"compliance"}}, "ann@example.com", password, next); !errors.Is(err, act.ErrDenied) {
			t.Error("by somebody who may not:", err)
		}
	})
}

// A password that was made for somebody is good for its time; when it has ended, only who
// knows it is told so.
func TestAOneTimePasswordEnds(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		made, given, err := accounts.CreateOnce(ctx, f.Door, apptest.Operator, accounts.Account{ID: "zoe", Name: "Zoe Example", Roles: []string{"employee"}})
		if err != nil || made.OneTimeUntil == nil || !made.OneTimeUntil.Equal(f.Manual.Now().Add(accounts.OneTimeLifetime)) {
			t.Fatalf("%+v %v", made, err)
		}
		f.Manual.Advance(accounts.OneTimeLifetime - time.Microsecond)
		secret, err := signIn(f, "zoe", given)
		if err != nil {
			t.Fatal("before its end:", err)
		}
		f.Manual.Advance(time.Microsecond)
		before := len(events(t, f, accounts.BeganType))
		if _, err := signIn(f, "zoe", given); !errors.Is(err, accounts.ErrOneTimeEnded) || errors.Is(err, accounts.ErrSignIn) {
			t.Error("at its end:", err)
		}
		if _, err := signIn(f, "zoe", given+"x"); !errors.Is(err, accounts.ErrSignIn) {
			t.Error("another password after its end:", err)
		}
		if len(events(t, f, accounts.BeganType)) != before {
			t.Error("a session began")
		}
		// Whoever is signed in with it chooses their own, which has no end.
		self, err := who(t, f, secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := accounts.SetPassword(ctx, f.Door, self, "zoe", given, password); err != nil {
			t.Fatal(err)
		}
		f.Manual.Advance(2 * accounts.OneTimeLifetime)
		if _, err := signIn(f, "zoe", password); err != nil {
			t.Error("one's own password:", err)
		}
		anew, err := accounts.GivePassword(ctx, f.Door, apptest.Operator, "zoe")
		if err != nil {
			t.Fatal(err)
		}
		f.Manual.Advance(accounts.OneTimeLifetime)
		if _, err := signIn(f, "zoe", anew); !errors.Is(err, accounts.ErrOneTimeEnded) {
			t.Error("one that was given later:", err)
		}
		if old := (&accounts.Account{OneTime: true}); !old.OneTimeEnded(f.Manual.Now()) {
			t.Error("one that was made when they had no end is good for ever")
		}
	})
}

func TestADisabledAccountEndsAtOnce(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		secret, err := signIn(f, "ann@example.com", password)
		if err != nil {
			t.Fatal(err)
		}
		boss := accounts.Account{ID: "boss", Name: "Example Boss", Roles: []string{"administrator"}}
		if _, err := accounts.Create(ctx, f.Door, apptest.Operator, boss, password); err != nil {
			t.Fatal(err)
		}
		if _, err := accounts.Disable(ctx, f.Door, apptest.Operator, "ann@example.com"); err != nil {
			t.Fatal(err)
		}
		if _, err := who(t, f, secret); !errors.Is(err, accounts.ErrSession) {
			t.Error("it is still signed in")
		}
		if _, err := signIn(f, "ann@example.com", password); !errors.Is(err, accounts.ErrSignIn) {
			t.Error(err)
		}
		if _, err := accounts.Disable(ctx, f.Door, apptest.Operator, "ann@example.com"); !errors.Is(err, record.ErrSame) {
			t.Error(err)
		}
		// Somebody must be able to create accounts, and nobody changes their own.
		if _, err := accounts.Disable(ctx, f.Door, apptest.Operator, "boss"); !errors.Is(err, accounts.ErrInvalid) {
			t.Error("the last administrator was disabled:", err)
		}
		if _, err := accounts.SetRoles(ctx, f.Door, apptest.Operator, "boss", []string{"employee"}); !errors.Is(err, accounts.ErrInvalid) {
			t.Error("the last administrator is none any more:", err)
		}
		self := act.Caller{ID: "account/boss", Roles: []string{"administrator"}}
		if _, err := accounts.SetRoles(ctx, f.Door, self, "boss", []string{"auditor"}); !errors.Is(err, act.ErrSamePerson) {
			t.Error("own roles:", err)
		}
	})
}

// The first account is an administrator's, and there is one first account.
func TestTheFirstAccount(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		a, err := accounts.First(ctx, f.Door, ann(), password)
		if err != nil || fmt.Sprint(a.Roles) != "[administrator]" {
			t.Fatal(a, err)
		}
		if _, err := accounts.First(ctx, f.Door, accounts.Account{ID: "eve", Name: "Example Eve"}, password); !errors.Is(err, accounts.ErrSetUp) {
			t.Error("a second first account:", err)
		}
	})
}

func TestWhatIsNoAccount(t *testing.T) {
	f := apptest.New(t, config.Config{})
	for name, c := range map[string]struct {
		change   func(*accounts.Account)
		password string
		says     string
	}{
		"no name to sign in with": {func(a *accounts.Account) { a.ID = "" }, password, "no name to sign in with"},
		"spaces":                  {func(a *accounts.Account) { a.ID = "an n" }, password, "no name to sign in with"},
		"a path":                  {func(a *accounts.Account) { a.ID = "../ann" }, password, "no name to sign in with"},
		"no name":                 {func(a *accounts.Account) { a.Name = " " }, password, "name is missing"},
		"no person":               {func(a *accounts.Account) { a.Person = "E1" }, password, "no reference to a person"},
		"no role":                 {func(a *accounts.Account) { a.Roles = nil }, password, "at least one role"},
		"an unknown role":         {func(a *accounts.Account) { a.Roles = []string{"king"} }, password, `no role "king"`},
		"a job's role":            {func(a *accounts.Account) { a.Roles = []string{"job/ledger.verify"} }, password, "no role"},
		"every account's role":    {func(a *accounts.Account) { a.Roles = []string{"account"} }, password, "no role"},
		"a role twice":            {func(a *accounts.Account) { a.Roles = []string{"auditor", "auditor"} }, password, "twice"},
		"a person who is nobody":  {func(a *accounts.Account) { a.Person = "person/nobody" }, password, "person/nobody is nobody in the register of people"},
		"a short password":        {func(*accounts.Account) {}, "elevenchars", "has 11 characters: at least 12"},
		"a long password":         {func(*accounts.Account) {}, strings.Repeat("long ", 50), "at most 200"},
		"the name as password":    {func(a *accounts.Account) { a.ID = "anna" }, "i-am-anna-1234", "contains the name"},
		"one letter":              {func(*accounts.Account) {}, "aaaaaaaaaaaaaaaa", "one character"},
		"no text":                 {func(*accounts.Account) {}, "\xff\xfe aaaaaaaaaaaa", "is no text"},
	} {
		a := ann()
		c.change(&a)
		if _, err := accounts.Create(ctx, f.Door, apptest.Operator, a, c.password); !errors.Is(err, accounts.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := accounts.Create(ctx, f.Door, apptest.Operator, ann(), password); err != nil {
		t.Fatal(err)
	}
	if _, err := accounts.Create(ctx, f.Door, apptest.Operator, ann(), password); !errors.Is(err, record.ErrExists) {
		t.Error("there are two:", err)
	}
}

// A form of a session is known by its token, which is that of no other session.
func TestFormTokens(t *testing.T) {
	f := apptest.New(t, config.Config{})
	if _, err := accounts.Create(ctx, f.Door, apptest.Operator, ann(), password); err != nil {
		t.Fatal(err)
	}
	_, one, err := accounts.SignIn(ctx, f.Door, "ann@example.com", password)
	if err != nil {
		t.Fatal(err)
	}
	secret, other, err := accounts.SignIn(ctx, f.Door, "ann@example.com", password)
	if err != nil {
		t.Fatal(err)
	}
	if !one.SentBy(one.FormToken()) || one.SentBy(other.FormToken()) || one.SentBy("") || strings.Contains(other.FormToken(), secret) {
		t.Error("a form's token says nothing")
	}
}

// Who may make accounts does not become an administrator by way of one.
func TestAdministratorsAreInTheHandsOfAdministrators(t *testing.T) {
	f := apptest.New(t, config.Config{})
	ciso := act.Caller{ID: "account/ciso", Roles: []string{"ciso"}}
	boss := accounts.Account{ID: "boss", Name: "Example Boss", Roles: []string{"administrator"}}
	other := accounts.Account{ID: "other", Name: "Example Other", Roles: []string{"administrator"}}
	for _, a := range []accounts.Account{boss, other} {
		if _, err := accounts.Create(ctx, f.Door, apptest.Operator, a, password); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := accounts.Create(ctx, f.Door, ciso, ann(), password); err != nil {
		t.Fatal(err)
	}
	eve := accounts.Account{ID: "eve", Name: "Example Eve", Roles: []string{"employee", "administrator"}}
	_, made := accounts.Create(ctx, f.Door, ciso, eve, password)
	_, raised := accounts.SetRoles(ctx, f.Door, ciso, "ann@example.com", []string{"administrator"})
	_, lowered := accounts.SetRoles(ctx, f.Door, ciso, "boss", []string{"employee"})
	_, disabled := accounts.Disable(ctx, f.Door, ciso, "boss")
	for what, err := range map[string]error{
		"made": made, "raised": raised, "lowered": lowered, "disabled": disabled,
		"given a password": accounts.SetPassword(ctx, f.Door, ciso, "boss", "", "another long password"),
	} {
		if !errors.Is(err, act.ErrDenied) {
			t.Errorf("%s by a CISO: %v", what, err)
		}
	}
	if _, err := signIn(f, "boss", password); err != nil {
		t.Error("something has changed:", err)
	}
}

// A person has one account, and somebody who has left, or is nobody, has none.
func TestWhoseAnAccountIs(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		f.People(t, "E1", "E2")
		create := func(id, person string) error {
			_, err := accounts.Create(ctx, f.Door, apptest.Operator, accounts.Account{ID: id, Name: "Example", Person: person, Roles: []string{"administrator"}}, password)
			return err
		}
		refused := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, accounts.ErrInvalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := create("first", "person/E1"); err != nil {
			t.Fatal(err)
		}
		refused("a second one", create("second", "person/E1"))
		refused("nobody's", create("nobody", "person/E9"))
		if err := create("keeper", ""); err != nil {
			t.Fatal(err)
		}
		if _, err := accounts.Disable(ctx, f.Door, apptest.Operator, "first"); err != nil {
			t.Fatal(err)
		}
		if err := create("second", "person/E1"); err != nil {
			t.Errorf("after the first was disabled: %v", err)
		}
		leave(t, f, "E2", apptest.Begin)
		refused("of who has left", create("gone", "person/E2"))
	})
}

// leave says that somebody's last moment of work is one.
func leave(t *testing.T, f *apptest.Folder, id string, at time.Time) {
	t.Helper()
	if _, err := f.Door.Do(ctx, apptest.Operator, "person.move", "person/"+id, func(tx *act.Tx) error {
		_, err := record.Move(tx, people.Register, id, record.AnyVersion, people.Left, "", map[string]json.RawMessage{"left_at": json.RawMessage(strconv.Quote(at.Format(time.RFC3339)))})
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// Whoever has left is signed out, and does not come in again, from their last moment of
// work; before it they do.
func TestWhoHasLeftIsSignedOut(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder) {
		f.People(t, "E1")
		if _, err := accounts.Create(ctx, f.Door, apptest.Operator, accounts.Account{ID: "eve", Name: "Example Eve", Person: "person/E1", Roles: []string{"engineer"}}, password); err != nil {
			t.Fatal(err)
		}
		secret, err := signIn(f, "eve", password)
		if err != nil {
			t.Fatal(err)
		}
		leave(t, f, "E1", f.Clock.Now().Add(time.Hour))
		if _, err := who(t, f, secret); err != nil {
			t.Error("before the last moment of work:", err)
		}
		f.Manual.Advance(time.Hour)
		if _, err := who(t, f, secret); !errors.Is(err, accounts.ErrSession) {
			t.Error("who has left is still signed in:", err)
		}
		if _, err := signIn(f, "eve", password); !errors.Is(err, accounts.ErrSignIn) {
			t.Error("who has left signs in:", err)
		}
	})
}
