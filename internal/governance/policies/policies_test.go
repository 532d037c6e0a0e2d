package policies_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

const front = "---\nid: desks\ntitle: Clear desks\nsummary: Nothing lies about.\nowner: people lead\naudience: everybody\ncriteria: [CC6.4]\ncontrols: [PHY-01]\nreview: annual\n---\n"

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func fields(pairs ...string) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return all
}

func desks() map[string]json.RawMessage {
	return fields("id", `"desks"`, "title", `"Desks"`, "owner", `"people lead"`, "audience", `"everybody"`, "review", `"annual"`)
}

func TestTheRegisterOfPolicies(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: policies.Register, With: record.Kinds{policies.Versions}, Own: []string{policies.InForce},
		New:     `{"title":"Desks","owner":"people lead","audience":"everybody","review":"annual"}`,
		Set:     `{"title":"Clear desks"}`,
		Refused: map[string]string{"id": `{"id":"Clear Desks"}`, "audience": `{"audience":"nobody"}`, "review": `{"review":"never"}`},
	})
}

func TestTheRegisterOfVersions(t *testing.T) {
	text := front + "Lock it away.\n"
	recordtest.Exercise(t, recordtest.Register{
		Kind: policies.Versions, With: record.Kinds{policies.Register},
		Seed:   func(tx *act.Tx) error { _, err := record.Add(tx, policies.Register, desks()); return err },
		New:    fmt.Sprintf(`{"policy":"policy/desks","procedure":"wiki/desks","text":%s}`, quoted(text)),
		Set:    fmt.Sprintf(`{"text":%s}`, quoted(text+"Each evening.\n")),
		Fields: map[string]string{"in_review draft": `{"returned_reason":"Say when"}`, "approved in_force": `{"channels":["portal"]}`},
		Refused: map[string]string{
			"text":      fmt.Sprintf(`{"text":%s}`, quoted(front+"<script>alert(1)</script>\n")),
			"procedure": fmt.Sprintf(`{"procedure":%q}`, fmt.Sprintf("%0500d", 1)), "channels": `{"channels":[" "]}`,
			"policy": `{"policy":"policy/chairs","text":` + quoted(strings.Replace(text, "id: desks", "id: chairs", 1)) + `}`,
		},
	})
}

func TestTheRegisterOfAcknowledgments(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: policies.Acknowledgments, Own: []string{policies.Ended, policies.Missed, policies.Superseded}, With: record.Kinds{policies.Register, policies.Versions},
		Seed:    inForce,
		New:     `{"person":"person/other","version":"policy_version/PV-1"}`,
		Fields:  map[string]string{"asked refused": `{"reason":"it cannot be done"}`},
		Refused: map[string]string{"id": `{"id":"a b"}`, "version": `{"version":"policy_version/PV-9"}`, "person": `{"person":"E1"}`},
	})
}

// inForce makes a policy with a version in force, past the two people that it
// takes.
func inForce(tx *act.Tx) error {
	if _, err := record.Add(tx, policies.Register, desks()); err != nil {
		return err
	}
	v, err := record.Add(tx, policies.Versions, fields("policy", `"policy/desks"`, "text", quoted(front+"Lock it away.\n")))
	if err != nil {
		return err
	}
	doc := record.As[policies.Version](mustDecode(v))
	doc.State = policies.InForce
	_, err = record.Put(tx, policies.Versions, record.Change{Verb: "put", ID: v.ID, Doc: doc, Expect: 1})
	return err
}

func mustDecode(v *record.Version) any {
	doc, err := policies.Versions.Decode(v.Doc)
	if err != nil {
		panic(err)
	}
	return doc
}

// Where a text of before was announced, which people typed, becomes what can be chosen, and
// what it says else stays.
func TestWhereATextOfBeforeWasAnnouncedIsKept(t *testing.T) {
	for _, c := range []struct{ typed, want string }{
		{`["Portal","e-mail"]`, `["portal","e-mail"] and null`},
		{`["slack, Email; the notice board"]`, `["Slack","e-mail"] and ["the notice board"]`},
		{`["carrier pigeon"]`, `null and ["carrier pigeon"]`},
		{`["portal\nportal"," "]`, `["portal"] and null`},
		{`null`, `null and null`},
	} {
		doc := `{"id":"PV-1","policy":"policy/desks","author":"person/a","state":"in_force","text":` + quoted(front+"Lock it away.\n") + `,"channels":` + c.typed + `}`
		fields := map[string]any{}
		if err := json.Unmarshal([]byte(doc), &fields); err != nil {
			t.Fatal(err)
		}
		if err := policies.Versions.Migrations[0].Change(fields); err != nil {
			t.Fatal(err)
		}
		migrated, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		now, err := policies.Versions.Decode(migrated)
		if err != nil {
			t.Fatalf("%s: %v", c.typed, err)
		}
		v := now.(*policies.Version) //nolint:forcetypeassert // a test
		channels, _ := json.Marshal(v.Channels)
		elsewhere, _ := json.Marshal(v.Elsewhere)
		if got := fmt.Sprintf("%s and %s", channels, elsewhere); got != c.want {
			t.Errorf("%s: %s, want %s", c.typed, got, c.want)
		}
	}
}
