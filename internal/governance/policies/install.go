package policies

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// Installed says what became of the texts that were offered.
type Installed struct {
	Policies []string `json:"policies"` // new ones
	Versions []string `json:"versions"` // new drafts
}

// Install offers texts as drafts, each a version of its policy, which is made
// where there is none. A text that is a version already, in whatever state, is
// passed over; nothing is ever overwritten. A retired policy stays so. procedure says
// where it stands how they are carried out; empty: the controls that they name.
func Install(ctx context.Context, door *act.Door, caller act.Caller, texts []catalog.Policy, procedure string) (*Installed, error) {
	done := &Installed{Policies: []string{}, Versions: []string{}}
	for i := range texts {
		var made Installed
		if _, err := door.Do(ctx, caller, "policy_version.add", Register.Name+"/"+texts[i].ID, func(tx *act.Tx) (err error) {
			made, err = install(tx, &texts[i], procedure)
			return err
		}); err != nil && !errors.Is(err, record.ErrSame) {
			return done, fmt.Errorf("%s: %w", texts[i].ID, err)
		}
		done.Policies = append(done.Policies, made.Policies...)
		done.Versions = append(done.Versions, made.Versions...)
	}
	return done, nil
}

func install(tx *act.Tx, text *catalog.Policy, procedure string) (made Installed, err error) {
	ref := Register.Name + "/" + text.ID
	p, _, err := getPolicy(&tx.Reader, text.ID)
	switch {
	case errors.Is(err, record.ErrNone):
		_, err = record.Add(tx, Register, document(map[string]any{
			"id": text.ID, "title": text.Title, "summary": text.Summary, "owner": text.Owner, "audience": text.Audience, "review": text.Review,
			"criteria": text.Criteria, "controls": text.Controls,
		}))
		if err != nil {
			return made, err
		}
		made.Policies = []string{text.ID}
	case err != nil:
		return made, err
	case p.State == Retired:
		return made, record.ErrSame
	default:
		all, err := Of(&tx.Reader, ref)
		if err != nil {
			return made, err
		}
		for _, v := range all {
			if v.Text == string(text.File) {
				return made, record.ErrSame
			}
		}
	}
	v, err := record.Add(tx, Versions, document(map[string]any{
		"policy": ref, "text": string(text.File), "procedure": cmp.Or(procedure, "The controls that it names: "+strings.Join(text.Controls, ", ")),
	}))
	if err != nil {
		return made, err
	}
	made.Versions = []string{v.ID}
	return made, nil
}

// document is a record's fields as JSON.
func document(values map[string]any) map[string]json.RawMessage {
	fields := map[string]json.RawMessage{}
	for name, value := range values {
		raw, err := json.Marshal(value)
		if err != nil { // texts and lists of texts
			panic(err)
		}
		fields[name] = raw
	}
	return fields
}
