package training_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

const basics = `{"id":"basics","title":"Security for everybody","owner":"security lead","audience":"everybody","text":"# Look twice","renewal_months":12}`

func TestTheRegisterOfCourses(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: training.Courses,
		New:  `{"title":"Security for everybody","owner":"security lead","audience":"everybody","text":"# Look twice"}`,
		Set:  `{"text":"# Look three times"}`,
		Refused: map[string]string{
			"id": `{"id":"Security 1"}`, "audience": `{"audience":"nobody"}`, "text": `{"text":""}`, "within_days": `{"within_days":0}`,
			"renewal_months": `{"renewal_months":-1}`, "reference": fmt.Sprintf(`{"reference":"%0500d"}`, 1),
		},
	})
}

func TestTheRegisterOfTrainings(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: training.Register, Own: []string{training.Ended, training.Missed}, With: record.Kinds{training.Courses}, Seed: offered,
		New: `{"person":"person/other","course":"course/basics"}`,
		Set: `{"note":"after what happened in May"}`,
		Refused: map[string]string{
			"id": `{"id":"basics.other.1"}`, "course": `{"course":"course/none"}`, "person": `{"person":"E1"}`, "note": fmt.Sprintf(`{"note":"%05000d"}`, 1),
			"state": `{"state":"completed"}`,
		},
	})
}

func TestTheRegisterOfCompletions(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: training.Completions, With: record.Kinds{training.Courses, training.Register}, Seed: offered,
		New: `{"person":"person/other","course":"course/basics","completed_at":"2026-01-01T00:00:00Z","evidence":"certificate 7"}`,
		Set: `{"note":"the list of who was there"}`,
		Refused: map[string]string{
			"id": `{"id":"a b"}`, "course": `{"course":"course/none"}`, "person": `{"person":"account/ann"}`, "completed_at": `{"completed_at":"2999-01-01T00:00:00Z"}`,
			"evidence": fmt.Sprintf(`{"evidence":"%0500d"}`, 1), "note": fmt.Sprintf(`{"note":"%05000d"}`, 1),
		},
	})
}

// offered makes a course that is offered.
func offered(tx *act.Tx) error {
	if _, err := record.Add(tx, training.Courses, fields(basics)); err != nil {
		return err
	}
	_, err := record.Move(tx, training.Courses, "basics", record.AnyVersion, training.Offered, "course.offer", nil)
	return err
}

func fields(text string) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		panic(err)
	}
	return all
}
