package accounts

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

const (
	// Lifetime of a session: whoever works all day signs in once.
	Lifetime = 12 * time.Hour
	// After maxFailures wrong passwords in a row an account takes none for lockTime.
	maxFailures = 5
	lockTime    = 15 * time.Minute
	// OneTimeLifetime is how long somebody can sign in with a password that was made for
	// them: over a weekend, and no longer.
	OneTimeLifetime = 72 * time.Hour
)

// Types of the events of sessions.
const (
	BeganType   = "scaf.session.began.v1"
	RefusedType = "scaf.session.refused.v1"
	EndedType   = "scaf.session.ended.v1"
)

// Session is where somebody is signed in.
type Session struct {
	ID      string
	Account Account
	Began   time.Time
	Ends    time.Time

	secret string
}

// Caller is who acts in the session.
func (s *Session) Caller() act.Caller { return s.Account.Caller() }

// FormToken is what a form of the session carries, so that no other site can
// send one: it follows from the session's secret, and does not tell it.
func (s *Session) FormToken() string {
	mac := hmac.New(sha256.New, []byte(s.secret))
	mac.Write([]byte("form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// SentBy reports whether a form's token is that of the session.
func (s *Session) SentBy(token string) bool {
	return hmac.Equal([]byte(token), []byte(s.FormToken()))
}

// credential is what is kept of a password.
type credential struct {
	hash     string
	failures int
	locked   time.Time
}

func readCredential(r *store.Reader, account string) (*credential, error) {
	var c credential
	var locked int64
	err := r.One(`SELECT hash, failures, locked_until FROM account_credential WHERE account = $1`, []any{account}, []any{&c.hash, &c.failures, &locked})
	if errors.Is(err, store.ErrNotFound) {
		return &c, nil
	}
	c.locked = time.UnixMicro(locked)
	return &c, err
}

// SignIn begins a session of whoever knows the password, and returns the secret
// that the browser keeps, this once. What was signed in before stays so, under
// another secret. ErrSignIn, in the same time, for everybody else; that the
// password of an account was wrong is an event. ErrOneTimeEnded: it was right, and
// was good for OneTimeLifetime.
func SignIn(ctx context.Context, door *act.Door, id, password string) (secret string, session *Session, err error) {
	id = ID(id)
	var account *Account
	var known *credential
	var ended bool
	now := door.Clock.Now()
	if err := door.DB.Read(ctx, func(r *store.Reader) error {
		var err error
		if account, _, err = Get(r, id); err != nil && !errors.Is(err, record.ErrNone) {
			return err
		}
		if account != nil {
			if ended, err = account.Ended(r, now); err != nil {
				return err
			}
		}
		known, err = readCredential(r, id)
		return err
	}); err != nil {
		return "", nil, err
	}
	if account != nil && digest(known.hash) != account.CredentialSHA256 {
		known.hash = "" // it is not what was recorded
	}
	same, err := samePassword(ctx, password, known.hash)
	if err != nil {
		return "", nil, err
	}
	switch {
	case account == nil || account.ID == "":
		return "", nil, ErrSignIn
	case ended || now.Before(known.locked):
		return "", nil, ErrSignIn // not counted: it says nothing more, and nobody can fill the ledger so
	case !same:
		return "", nil, refuse(ctx, door, account)
	case account.OneTimeEnded(now):
		return "", nil, ErrOneTimeEnded // to whoever knows it, and to nobody else
	}
	if secret, err = newSecret(); err != nil {
		return "", nil, err
	}
	session = &Session{Account: *account, secret: secret}
	_, err = door.Do(ctx, account.Caller(), "session.begin", Register.Name+"/"+id, func(tx *act.Tx) error {
		now, err := readCredential(&tx.Reader, id)
		if err != nil {
			return err
		}
		if now.hash != known.hash || tx.Now().Before(now.locked) { // meanwhile
			return ErrSignIn
		}
		session.ID, session.Began, session.Ends = tx.NewID(), tx.Now(), tx.Now().Add(Lifetime)
		if _, err := tx.Event(act.Event{Type: BeganType, Subject: Register.Name + "/" + id, Data: map[string]any{"session": session.ID, "ends_at": session.Ends}}); err != nil {
			return err
		}
		for _, do := range []func() (int64, error){
			func() (int64, error) {
				return tx.Exec(`DELETE FROM account_session WHERE ends_at <= $1`, tx.Now().UnixMicro())
			},
			func() (int64, error) {
				return tx.Exec(`UPDATE account_credential SET failures = 0, locked_until = 0 WHERE account = $1`, id)
			},
			func() (int64, error) {
				return tx.Exec(`INSERT INTO account_session (secret, id, account, began_at, ends_at) VALUES ($1, $2, $3, $4, $5)`,
					digest(secret), session.ID, id, session.Began.UnixMicro(), session.Ends.UnixMicro())
			},
		} {
			if _, err := do(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	return secret, session, nil
}

// refuse counts a wrong password, and locks the account at the last one.
func refuse(ctx context.Context, door *act.Door, account *Account) error {
	_, err := door.Do(ctx, account.Caller(), "session.begin", Register.Name+"/"+account.ID, func(tx *act.Tx) error {
		known, err := readCredential(&tx.Reader, account.ID)
		if err != nil {
			return err
		}
		known.failures++
		locked := int64(0)
		if known.failures >= maxFailures {
			known.failures, locked = 0, tx.Now().Add(lockTime).UnixMicro()
		}
		if _, err := tx.Event(act.Event{Type: RefusedType, Subject: Register.Name + "/" + account.ID, Outcome: act.Denied, Data: map[string]any{"locked": locked > 0}}); err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE account_credential SET failures = $1, locked_until = $2 WHERE account = $3`, known.failures, locked, account.ID)
		return err
	})
	if err != nil { // what nobody could record is no ordinary refusal
		return err
	}
	return ErrSignIn
}

// Authenticate finds the session of a secret. ErrSession when there is none, or
// when it or its account has ended. It is asked at every request, so that what
// has ended does so at once.
func Authenticate(r *store.Reader, secret string, now time.Time) (*Session, error) {
	s := &Session{secret: secret}
	var account string
	var began, ends int64
	err := r.One(`SELECT id, account, began_at, ends_at FROM account_session WHERE secret = $1`, []any{digest(secret)}, []any{&s.ID, &account, &began, &ends})
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrSession
	}
	if err != nil {
		return nil, err
	}
	s.Began, s.Ends = time.UnixMicro(began).UTC(), time.UnixMicro(ends).UTC()
	if !now.Before(s.Ends) {
		return nil, ErrSession
	}
	a, _, err := Get(r, account)
	if err != nil {
		return nil, err
	}
	s.Account = *a
	if ended, err := a.Ended(r, now); err != nil || ended {
		return nil, cmp.Or(err, ErrSession)
	}
	return s, nil
}

// SignOut ends a session.
func SignOut(ctx context.Context, door *act.Door, s *Session) error {
	_, err := door.Do(ctx, s.Caller(), "session.end", Register.Name+"/"+s.Account.ID, func(tx *act.Tx) error {
		if _, err := tx.Event(act.Event{Type: EndedType, Subject: Register.Name + "/" + s.Account.ID, Data: map[string]any{"session": s.ID}}); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM account_session WHERE id = $1`, s.ID)
		return err
	})
	return err
}

// newSecret is what a browser shows of a session.
func newSecret() (string, error) {
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(random), nil
}

// SetPassword gives an account another password, and ends all of its sessions.
// Whoever changes their own says the old one (own), so that a browser left open
// is not enough; somebody else's is reset by who may (account.password).
func SetPassword(ctx context.Context, door *act.Door, caller act.Caller, id, own, password string) error {
	return setPassword(ctx, door, caller, id, own, password, false, endSessions)
}

// ChangePassword is SetPassword of one's own within a session. That goes on, with the
// secret that is returned; the account's others end. ErrSession when it has ended
// meanwhile: then nothing was changed.
func ChangePassword(ctx context.Context, door *act.Door, s *Session, own, password string) (secret string, err error) {
	if secret, err = newSecret(); err != nil {
		return "", err
	}
	return secret, setPassword(ctx, door, s.Caller(), s.Account.ID, own, password, false, func(tx *act.Tx, id string) error {
		kept, err := tx.Exec(`UPDATE account_session SET secret = $1 WHERE id = $2`, digest(secret), s.ID)
		if err != nil {
			return err
		}
		if kept == 0 {
			return ErrSession
		}
		_, err = tx.Exec(`DELETE FROM account_session WHERE account = $1 AND id <> $2`, id, s.ID)
		return err
	})
}

// endSessions ends those of an account.
func endSessions(tx *act.Tx, id string) error {
	_, err := tx.Exec(`DELETE FROM account_session WHERE account = $1`, id)
	return err
}

// GivePassword is SetPassword with a password that is made for the person, and returned
// this once: they change it when they sign in. Nobody does so for themselves
// (act.ErrSamePerson).
func GivePassword(ctx context.Context, door *act.Door, caller act.Caller, id string) (string, error) {
	password := oneTime()
	return password, setPassword(ctx, door, caller, id, "", password, true, endSessions)
}

func setPassword(ctx context.Context, door *act.Door, caller act.Caller, id, own, password string, once bool, end func(*act.Tx, string) error) error {
	id = ID(id)
	var account *Account
	var known *credential
	if err := door.DB.Read(ctx, func(r *store.Reader) (err error) {
		if account, _, err = Get(r, id); err != nil {
			return err
		}
		known, err = readCredential(r, id)
		return err
	}); err != nil {
		return err
	}
	if err := checkPassword(password, id, account.Name); err != nil {
		return err
	}
	if err := reaches(caller, account.Roles); err != nil {
		return err
	}
	action := "account.password"
	if account.Caller().ID == caller.ID {
		if once {
			return fmt.Errorf("%w: whoever is signed in chooses their own password", act.ErrSamePerson)
		}
		action = "session.begin" // what everybody may who has an account
		if known.locked.After(door.Clock.Now()) {
			return fmt.Errorf("%w: too many wrong passwords were given: the account takes none for %d minutes", ErrInvalid, int(lockTime.Minutes()))
		}
		if digest(known.hash) != account.CredentialSHA256 {
			known.hash = "" // it is not what was recorded
		}
		same, err := samePassword(ctx, own, known.hash)
		if err != nil {
			return err
		}
		if !same {
			if err := refuse(act.Once(ctx, ""), door, account); !errors.Is(err, ErrSignIn) { // the password was not changed, which the key stands for
				return err
			}
			return fmt.Errorf("%w: the present password is another one", ErrInvalid)
		}
	}
	hash, err := hashPassword(ctx, password)
	if err != nil {
		return err
	}
	_, err = door.Do(ctx, caller, action, Register.Name+"/"+id, func(tx *act.Tx) error {
		account, version, err := Get(&tx.Reader, id)
		if err != nil {
			return err
		}
		account.OneTime = once
		account.passwordMade(hash, tx.Now())
		if _, err := record.Put(tx, Register, record.Change{Verb: "rekeyed", ID: id, Doc: account, Expect: version}); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE account_credential SET hash = $1, changed_at = $2, failures = 0, locked_until = 0 WHERE account = $3`, hash, tx.Now().UnixMicro(), id); err != nil {
			return err
		}
		return end(tx, id)
	})
	return err
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
