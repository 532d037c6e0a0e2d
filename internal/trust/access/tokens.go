package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Token is what is kept of a token: never the token itself.
type Token struct {
	ID        string     `json:"id"`
	Name      string     `json:"name,omitempty"`
	Role      string     `json:"role"`
	SHA256    string     `json:"sha256"` // of the token, lowercase hex
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	ExpiresAt time.Time  `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// Tokens is the register of tokens.
var Tokens = record.Define[Token](record.Definition{
	Kind: "token", Register: "tokens", Title: "Tokens", At: "created_at", Internal: true,
	Purpose: "Keys by which programs reach SCAF.",
})

// Lifetimes of a token.
const (
	DefaultLifetime = 90 * 24 * time.Hour
	MaxLifetime     = 366 * 24 * time.Hour
)

// ErrToken says: the token is not known, has expired or was revoked. Which of them
// it is, the caller is not told.
var ErrToken = errors.New("the token is not valid")

const administrator = "administrator"

// tokenPrefix makes tokens easy to find for secret scanners.
const tokenPrefix = "scaf_"

// CreateToken makes a token with a role and returns it, this once, and what is
// kept of it. The token has 256 random bits, so that its plain SHA-256 gives
// nothing away.
func CreateToken(ctx context.Context, door *act.Door, caller act.Caller, role, name string, lifetime time.Duration) (string, *Token, error) {
	if !Roles.Grantable(role) {
		return "", nil, fmt.Errorf("%w: %q: the roles are %s", ErrRole, role, strings.Join(Roles.Names(), ", "))
	}
	if lifetime <= 0 || lifetime > MaxLifetime {
		return "", nil, fmt.Errorf("%w: a token lives at most %d days", ErrRole, MaxLifetime/(24*time.Hour))
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", nil, err
	}
	var kept *Token
	var text string
	_, err := door.Do(ctx, caller, "token.create", "token", func(tx *act.Tx) error {
		if role == administrator && !slices.Contains(caller.Roles, administrator) {
			return fmt.Errorf("%w: an administrator's token is in the hands of administrators", act.ErrDenied)
		}
		kept = &Token{ID: tx.NewID(), Name: name, Role: role, CreatedAt: tx.Now(), CreatedBy: caller.ID, ExpiresAt: tx.Now().Add(lifetime)}
		text = tokenPrefix + kept.ID + "_" + base64.RawURLEncoding.EncodeToString(secret)
		kept.SHA256 = hashToken(text)
		_, err := record.Put(tx, Tokens, record.Change{Verb: "created", ID: kept.ID, Doc: kept})
		return err
	})
	if err != nil {
		return "", nil, err
	}
	return text, kept, nil
}

// ErrRole says: there is no such role, or the wish is outside what a token may be.
var ErrRole = errors.New("unknown role")

// RevokeToken ends a token at once.
func RevokeToken(ctx context.Context, door *act.Door, caller act.Caller, id string) error {
	_, err := door.Do(ctx, caller, "token.revoke", "token/"+id, func(tx *act.Tx) error {
		kept, version, err := readToken(&tx.Reader, id)
		if err != nil {
			return err
		}
		if kept.RevokedAt != nil {
			return fmt.Errorf("%w: it was revoked at %s", record.ErrSame, kept.RevokedAt.Format(time.RFC3339))
		}
		now := tx.Now()
		kept.RevokedAt = &now
		_, err = record.Put(tx, Tokens, record.Change{Verb: "revoked", ID: id, Doc: kept, Expect: version})
		return err
	})
	return err
}

func readToken(r *store.Reader, id string) (*Token, int, error) {
	v, err := record.Get(r, Tokens.Name, id)
	if err != nil {
		return nil, 0, err
	}
	kept := &Token{}
	return kept, v.Version, json.Unmarshal(v.Doc, kept)
}

// Authenticate returns the caller that a token stands for. ErrToken when it
// stands for nobody.
func Authenticate(r *store.Reader, text string, now time.Time) (act.Caller, error) {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
	id, _, both := strings.Cut(rest, "_")
	if !ok || !both || len(text) > 200 {
		return act.Caller{}, ErrToken
	}
	kept, _, err := readToken(r, id)
	if errors.Is(err, record.ErrNone) {
		return act.Caller{}, ErrToken
	}
	if err != nil {
		return act.Caller{}, err
	}
	if subtle.ConstantTimeCompare([]byte(hashToken(text)), []byte(kept.SHA256)) != 1 ||
		kept.RevokedAt != nil || !now.Before(kept.ExpiresAt) {
		return act.Caller{}, ErrToken
	}
	return act.Caller{ID: tokenCaller + id, Roles: []string{kept.Role}}, nil
}

// ListTokens reads what is kept of all tokens, the oldest first.
func ListTokens(r *store.Reader) (all []Token, err error) {
	return all, record.Each(r, record.Range{Kind: Tokens.Name}, func(v *record.Version) error {
		var kept Token
		err := json.Unmarshal(v.Doc, &kept)
		all = append(all, kept)
		return err
	})
}

func hashToken(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
