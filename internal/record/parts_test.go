package record_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/record"
)

type leg struct {
	From string           `json:"from" label:"Begins in" doc:"A town."`
	Kind string           `json:"kind,omitempty" enum:"road,rail" refers:"way" long:"true"`
	Took *record.Duration `json:"took,omitempty"`
	At   *time.Time       `json:"at,omitempty"`
	Sure bool             `json:"sure"`
}

type journey struct {
	ID   string           `json:"id"`
	Rest *record.Duration `json:"rest,omitempty"`
	Legs []leg            `json:"legs,omitempty"`
	Best *leg             `json:"best,omitempty"`
	Far  []int            `json:"far,omitempty"`
}

var journeys = record.Define[journey](record.Definition{Kind: "journey", Register: "journeys", Title: "Journeys"})

// The struct itself says how its fields are seen.
func TestParts(t *testing.T) {
	var got []record.Field
	for _, part := range record.Parts(reflect.TypeFor[[]leg]()) {
		got = append(got, part.Field)
	}
	want := []record.Field{
		{Name: "from", Label: "Begins in", Help: "A town.", Required: true},
		{Name: "kind", Label: "Kind", Choices: []string{"road", "rail"}, Refers: "way", Long: true},
		{Name: "took", Label: "Took"}, {Name: "at", Label: "At"}, {Name: "sure", Label: "Sure"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	for field, shape := range map[string]record.Shape{"legs": record.ShapeRows, "best": record.ShapeParts, "far": record.ShapeNumbers, "rest": record.ShapeText} {
		if got := journeys.Shape(field); got != shape {
			t.Errorf("%s is %s, want %s", field, got, shape)
		}
	}
}

// A value that is none of its type is named by where it stands.
func TestWhereAWrongValueStands(t *testing.T) {
	for doc, field := range map[string]string{
		`{"id":"a","rest":"soon"}`:                                    "rest",
		`{"id":"a","legs":[{"from":"x"},{"from":"x","took":"long"}]}`: "legs[1].took",
		`{"id":"a","legs":[{"at":"noon"}]}`:                           "legs[0].at",
		`{"id":"a","best":{"from":1}}`:                                "best.from",
		`{"id":"a","far":[1,"x"]}`:                                    "far[1]",
		`{"id":"a","legs":"x"}`:                                       "legs",
	} {
		_, err := journeys.Decode([]byte(doc))
		var wrong *record.Invalid
		if !errors.As(err, &wrong) || len(wrong.Fields) != 1 || wrong.Fields[0].Field != field || strings.TrimSpace(wrong.Fields[0].Problem) == "" {
			t.Errorf("%s: %v, want the field %s", doc, err, field)
		}
	}
}

// Of a last day the day counts that was typed, in whichever zone.
func TestALastDayIsTheDayThatWasTyped(t *testing.T) {
	type part struct {
		Until *time.Time `json:"until,omitempty" day:"last"`
		From  *time.Time `json:"from,omitempty" day:"first"`
	}
	zone := time.FixedZone("east", 5*60*60)
	parts := record.Parts(reflect.TypeFor[part]())
	for i, want := range []string{`"2026-06-30T00:00:00Z"`, `"2026-06-29T19:00:00Z"`} {
		if got, err := parts[i].Value("2026-06-30", zone); err != nil || string(got) != want {
			t.Errorf("%s: %s, want %s (%v)", parts[i].Name, got, want, err)
		}
	}
}
