package demo

import (
	"context"
	_ "embed" // the story
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/record"
)

//go:embed story.yaml
var storyFile []byte

// story is what is entered into registers: story.yaml says what its fields mean.
type story struct {
	Steps []entered
	Study struct {
		Course      string
		Finished    date
		Late, Never why
	}
	Causes []struct {
		Control, Item string
		why           `yaml:",inline"`
	}
}

// entered is something that somebody enters.
type entered struct {
	On            date
	By            string
	Add, Move, To string
	Link          string
	Deviation     string
	Fields        map[string]any
	Answers       map[string]string // to questions, where they are not yes
}

// tell plans what the story tells.
func (w *world) tell() error {
	told, err := parse[story]("story.yaml", storyFile)
	if err != nil {
		return err
	}
	for _, known := range told.Causes {
		w.note(known.Control, known.Item, known.because())
	}
	after := map[date]int{} // what is entered on one day follows each other
	for i := range told.Steps {
		step := &told.Steps[i]
		w.plan(step.On.at(w.zone, 10).Add(time.Duration(after[step.On])*time.Minute), func(ctx context.Context) error {
			if err := w.enter(ctx, step); err != nil {
				return fmt.Errorf("story.yaml: step %d: %w", i+1, err)
			}
			return nil
		})
		after[step.On]++
	}
	finished := told.Study.Finished.at(w.zone, 0)
	for day := w.from.AddDate(0, 1, 13); day.Before(w.to); day = day.AddDate(0, 0, 14) {
		w.plan(day.Add(16*time.Hour), func(ctx context.Context) error { return w.study(ctx, told, day.Before(finished)) })
	}
	return nil
}

// enter does what one step says.
func (w *world) enter(ctx context.Context, step *entered) error {
	by := w.officers["compliance lead"]
	if step.By != "" {
		by = w.officers[step.By]
	}
	values, ok := w.named(step.Fields).(map[string]any)
	if !ok {
		return fmt.Errorf("%s: the fields are no mapping", step.Add)
	}
	if step.Add == vendors.Assessments.Name {
		var answers []vendors.Answer
		for _, q := range vendors.Questions(fmt.Sprint(values["questionnaire"])) {
			answer := vendors.Answer{Question: q.ID, Answer: "yes"}
			if note := step.Answers[q.ID]; note != "" {
				answer.Answer, answer.Note = "partly", note
			}
			answers = append(answers, answer)
		}
		values["answers"] = answers
	}
	fields, err := asFields(values)
	if err != nil {
		return err
	}
	if step.Add != "" {
		kind, err := w.Kinds.Find(step.Add)
		if err == nil {
			_, err = w.AddRecord(ctx, by.caller(), kind, fields)
		}
		return err
	}
	kind, id, err := w.Kinds.Parse(step.Move + step.Link)
	if err != nil {
		return err
	}
	if step.Link == "" {
		_, err = w.MoveRecord(ctx, by.caller(), kind, id, record.AnyVersion, step.To, fields)
		return err
	}
	all, err := w.Lab().Deviations(ctx, Period)
	if err != nil {
		return err
	}
	for i := range all {
		if known := all[i].Judged; known != nil && known.Control == step.Deviation {
			_, err := w.LinkRecord(ctx, by.caller(), kind, id, "caused_by", judgments.Deviations.Name+"/"+known.ID())
			return err
		}
	}
	return fmt.Errorf("%s has no deviation", step.Deviation)
}

// named puts the references of officers in the place of their roles.
func (w *world) named(value any) any {
	switch value := value.(type) {
	case string:
		if role, ok := strings.CutPrefix(value, "@"); ok {
			return w.officers[role].ref()
		}
	case map[string]any:
		all := make(map[string]any, len(value))
		for name, one := range value {
			all[name] = w.named(one)
		}
		return all
	case []any:
		all := make([]any, len(value))
		for i, one := range value {
			all[i] = w.named(one)
		}
		return all
	}
	return value
}

// study finishes the trainings that people have been assigned; two of them only
// when their time is over, of which one is never finished.
func (w *world) study(ctx context.Context, told *story, waits bool) error {
	open, err := listed[training.Training](ctx, w, training.Register, fmt.Sprintf("item.state == %q", training.Assigned))
	if err != nil {
		return err
	}
	slices.SortFunc(open, func(a, b *training.Training) int { return strings.Compare(a.ID, b.ID) })
	for _, t := range open {
		if n := len(w.held); n < 2 && strings.HasSuffix(t.Course, told.Study.Course) && !slices.Contains(w.held, t.ID) {
			w.held = append(w.held, t.ID)
			w.note("PPL-07", t.ID, []*why{&told.Study.Late, &told.Study.Never}[n].because())
		}
		if at := slices.Index(w.held, t.ID); at == 1 || at == 0 && waits {
			continue
		}
		who := act.Caller{ID: t.Person, Roles: []string{"account"}}
		if _, err := w.MoveRecord(ctx, who, training.Register, t.ID, record.AnyVersion, training.Completed, nil); err != nil {
			return fmt.Errorf("%s: %w", t.ID, err)
		}
	}
	return nil
}
