package versions

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// PersonKind is the kind of the register of people, which another domain keeps.
const PersonKind = "person"

// Actor is who decides, with the title that they held at that moment: empty for
// who is not an active person of the register of people.
type Actor struct {
	act.Caller
	Title string
}

// ActorOf is the caller as the register of people knows them now.
func ActorOf(r *store.Reader, caller act.Caller) (Actor, error) {
	id, ok := strings.CutPrefix(caller.ID, PersonKind+"/")
	if !ok {
		return Actor{Caller: caller}, nil
	}
	v, err := record.Get(r, PersonKind, id)
	if errors.Is(err, record.ErrNone) {
		return Actor{Caller: caller}, nil
	}
	if err != nil {
		return Actor{}, err
	}
	return Acting(caller, v.Doc)
}

// Acting is the caller with the document that the register of people had of them
// at that moment; nil for none.
func Acting(caller act.Caller, doc []byte) (Actor, error) {
	actor := Actor{Caller: caller}
	if doc == nil || !strings.HasPrefix(caller.ID, PersonKind+"/") {
		return actor, nil
	}
	var person struct{ Title, State string }
	if err := json.Unmarshal(doc, &person); err != nil {
		return actor, fmt.Errorf("%s: %w", caller.ID, err)
	}
	if person.State == "active" {
		actor.Title = strings.TrimSpace(person.Title)
	}
	return actor, nil
}

// Owns reports whether an actor is the owner that a control file names: by their
// reference ("person/E1001"), by the name in it, or by words that are their
// title.
func Owns(owner string, by Actor) bool {
	_, name, _ := strings.Cut(by.ID, "/")
	owner = strings.TrimSpace(owner)
	return owner != "" && (strings.EqualFold(owner, by.ID) || strings.EqualFold(owner, name) || strings.EqualFold(owner, by.Title))
}
