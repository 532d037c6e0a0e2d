package demo

import (
	"cmp"
	"context"
	_ "embed" // the story
	"errors"
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

//go:embed keeping.yaml
var keepingFile []byte

//go:embed privacy.yaml
var privacyFile []byte

// story is what is entered into registers: story.yaml says what its fields mean.
type story struct {
	Steps []entered
	// Rounds are done again and again, each in its time.
	Rounds []repeated
	// Shown are the records that show how occurrences of duties were done.
	Shown map[string]string
	// Unsaid are self-assessments that nobody stated.
	Unsaid []string
	Study  struct {
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
	On  date
	Day int // of a round: after its last day
	// By is the officer who enters it, As the role of the account, where it is not
	// that of the compliance team.
	By, As             string
	Add, Set, Move, To string
	Called             string // what is added, in what is entered later
	Link, Deviation    string
	// What is said about a record, attached to it or put on it.
	Comment, Attach, Tag string
	Text                 string
	Fields               map[string]any
	Answers              map[string]string // to questions, where they are not yes
}

// tell plans what the story tells.
func (w *world) tell() error {
	after := map[date]int{} // what is entered on one day follows each other
	for _, file := range []struct {
		name string
		data []byte
	}{{"story.yaml", storyFile}, {"keeping.yaml", keepingFile}, {"privacy.yaml", privacyFile}} {
		told, err := parse[story](file.name, file.data)
		if err != nil {
			return err
		}
		for _, known := range told.Causes {
			w.note(known.Control, known.Item, known.because())
		}
		w.unsaid = append(w.unsaid, told.Unsaid...)
		for occurrence, shown := range told.Shown {
			w.shown[occurrence] = shown
		}
		steps := told.Steps
		for i := range told.Rounds {
			steps = append(steps, told.Rounds[i].steps(w.From.year)...)
		}
		for i := range steps {
			step := &steps[i]
			w.plan(step.On.at(w.zone, 10).Add(time.Duration(after[step.On])*time.Minute), func(ctx context.Context) error {
				if err := w.enter(ctx, step); err != nil {
					return fmt.Errorf("%s: step %d, %s: %w", file.name, i+1, step.Add+step.Move+step.Set, err)
				}
				return nil
			})
			after[step.On]++
		}
		if told.Study.Course != "" {
			w.studies(told)
		}
	}
	return nil
}

// studies plans when people finish what they have been assigned.
func (w *world) studies(told *story) {
	finished := told.Study.Finished.at(w.zone, 0)
	for day := w.from.AddDate(0, 0, 30); day.Before(w.to); day = day.AddDate(0, 0, 14) {
		w.plan(day.Add(16*time.Hour), func(ctx context.Context) error { return w.study(ctx, told, day.Before(finished)) })
	}
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
	caller := by.caller()
	if step.As != "" {
		caller = by.as(step.As)
	}
	fields, err := asFields(values)
	if err != nil {
		return err
	}
	if step.Add != "" {
		kind, err := w.Kinds.Find(step.Add)
		if err != nil {
			return err
		}
		made, err := w.AddRecord(ctx, caller, kind, fields)
		if err == nil && step.Called != "" {
			w.known[step.Called] = made.Ref()
		}
		return err
	}
	ref, ok := w.named(cmp.Or(step.Move, step.Set, step.Link, step.Comment, step.Attach, step.Tag)).(string)
	if !ok {
		return errors.New("names no record")
	}
	kind, id, err := w.Kinds.Parse(ref)
	if err != nil {
		return err
	}
	switch {
	case step.Move != "":
		_, err = w.MoveRecord(ctx, caller, kind, id, record.AnyVersion, step.To, fields)
	case step.Set != "":
		_, err = w.SetRecord(ctx, caller, kind, id, record.AnyVersion, fields)
	case step.Comment != "":
		_, err = w.CommentRecord(ctx, caller, kind, id, step.Text)
	case step.Attach != "":
		_, err = w.AttachFile(ctx, caller, kind, id, step.Called, "text/markdown", strings.NewReader(step.Text))
	case step.Tag != "":
		_, err = w.TagRecord(ctx, caller, kind, id, strings.Fields(step.Text), nil)
	default:
		err = w.linkToDeviation(ctx, caller, kind, id, step.Deviation)
	}
	return err
}

// linkToDeviation links a record to the first deviation of a control.
func (w *world) linkToDeviation(ctx context.Context, caller act.Caller, kind *record.Kind, id, control string) error {
	all, err := w.Lab().Deviations(ctx, Period)
	if err != nil {
		return err
	}
	for i := range all {
		if known := all[i].Judged; known != nil && known.Control == control {
			_, err := w.LinkRecord(ctx, caller, kind, id, "caused_by", judgments.Deviations.Name+"/"+known.ID())
			return err
		}
	}
	return fmt.Errorf("%s has no deviation", control)
}

// named puts the references of officers in the place of their roles, and those of
// records in the place of what they are called.
func (w *world) named(value any) any {
	switch value := value.(type) {
	case string:
		if role, ok := strings.CutPrefix(value, "@"); ok {
			return w.officers[role].ref()
		}
		if called, ok := strings.CutPrefix(value, "$"); ok {
			return w.known[called]
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
