package risks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const fourByFour = `{"title":"Four by four","rate_by":"2026-06-01T00:00:00Z","likelihoods":["seldom","now and then","yearly","often"],
	"likelihood_meanings":["once in 20 years","once in 5 years","expected within a year","more often"],"impacts":["small","felt","large","ruin"],
	"impact_meanings":["below 10 k€","below 100 k€, or a day of outage","below 1 M€, or half of the customers","the end"],
	"levels":["green","amber","red"],"level_from":[1,4,9],"control_from":9}`

func TestTheScales(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: risks.Scales, With: record.Kinds{risks.Register}, New: fourByFour, Set: `{"control_from":8}`, Own: []string{risks.Superseded},
		Refused: map[string]string{
			"likelihoods": `{"likelihoods":["a","b"],"likelihood_meanings":["a","b"]}`, "likelihood_meanings": `{"likelihood_meanings":["a"]}`,
			"impacts": `{"impacts":["a","A","b","c"]}`, "impact_meanings": `{"impact_meanings":["a"," ","c","d"]}`,
			"levels": `{"levels":["all"],"level_from":[1]}`, "level_from": `{"level_from":[1,9,9]}`, "control_from": `{"control_from":17}`,
			"state": `{"state":"superseded"}`,
		},
		GuardFalse: map[string]string{"proposed in_force rate_by": `{"rate_by":"2020-01-01T00:00:00Z"}`},
	})
}

// Each way in which the beginnings of the levels can be wrong is told from the others.
func TestTheBeginningsOfTheLevels(t *testing.T) {
	for _, test := range []struct {
		levels, from, want string
	}{
		{`["a","b"]`, `[1]`, "has 1 scores for 2 levels"},
		{`["a","b"]`, `[2,3]`, "the lowest level begins at 1"},
		{`["a","b"]`, `[1,17]`, "the highest score is 16"},
		{`["a","b","c"]`, `[1,8,4]`, "has 4 after 8"},
		{`["a","b","c","d","e"]`, `[1,2,3,4,5]`, "2 to 4 are taken"},
		{`["a",""]`, `[1,2]`, "a name has 1 to"},
	} {
		doc := strings.Replace(fourByFour, `"levels":["green","amber","red"],"level_from":[1,4,9]`, `"levels":`+test.levels+`,"level_from":`+test.from, 1)
		doc = strings.Replace(doc, `{"title"`, `{"id":"SCL-1","title"`, 1)
		if _, err := risks.Scales.Decode([]byte(doc)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s from %s: %v, want %s", test.levels, test.from, err, test.want)
		}
	}
}

// Whatever the scale, a rating has one score and one level, and neither falls where
// the rating rises.
func TestScoresAndLevelsOfAnyScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := risks.Default()
		steps := func(name string) (names, meanings []string) {
			for i := range rapid.IntRange(3, 7).Draw(t, name) {
				names, meanings = append(names, fmt.Sprint(name, i)), append(meanings, "it means something")
			}
			return names, meanings
		}
		s.Likelihoods, s.LikelihoodMeanings = steps("likelihood")
		s.Impacts, s.ImpactMeanings = steps("impact")
		highest := len(s.Likelihoods) * len(s.Impacts)
		begins := rapid.SliceOfNDistinct(rapid.IntRange(2, highest), 1, 3, rapid.ID[int]).Draw(t, "begins")
		slices.Sort(begins)
		s.LevelFrom, s.Levels = append([]int{1}, begins...), nil
		for i := range s.LevelFrom {
			s.Levels = append(s.Levels, fmt.Sprint("level", i))
		}
		s.ControlFrom = rapid.IntRange(1, highest).Draw(t, "control from")
		if wrong := s.Validate(); len(wrong) > 0 {
			t.Fatalf("a scale is refused: %v", wrong)
		}
		rate := func(likelihood, impact int) (int, int) {
			r := &risks.Risk{Likelihood: &likelihood, Impact: &impact, RatedOn: s.Terms()}
			r.Compute()
			at := slices.Index(s.Levels, r.Level)
			if r.Score == nil || at < 0 || *r.Score < s.LevelFrom[at] || at+1 < len(s.LevelFrom) && *r.Score >= s.LevelFrom[at+1] {
				t.Fatalf("%d × %d has the score %v and the level %q", likelihood, impact, r.Score, r.Level)
			}
			return *r.Score, at
		}
		for i := 1; i <= len(s.Likelihoods); i++ {
			for j := 1; j <= len(s.Impacts); j++ {
				score, level := rate(i, j)
				for _, less := range [][2]int{{i - 1, j}, {i, j - 1}} {
					if less[0] == 0 || less[1] == 0 {
						continue
					}
					if was, at := rate(less[0], less[1]); was >= score || at > level {
						t.Fatalf("%d × %d has %d and level %d, the smaller %v %d and %d", i, j, score, level, less, was, at)
					}
				}
			}
		}
	})
}

// book is a ledger with the registers of this folder.
type book struct {
	*testing.T
	l     *ledgertest.Ledger
	kinds record.Kinds
}

func open(t *testing.T, l *ledgertest.Ledger) *book {
	t.Helper()
	b := &book{t, l, record.Kinds{risks.Register, risks.Scales}}
	if err := l.Door.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.kinds.Adopt(context.Background(), l.DB); err != nil {
		t.Fatal(err)
	}
	l.OpenDoor(t)
	return b
}

func (b *book) do(who string, body func(*act.Tx) error) error {
	b.l.Clock.Advance(1e9)
	_, err := b.l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "risks", body)
	return err
}

func (b *book) fields(text string) (all map[string]json.RawMessage) {
	b.Helper()
	b.must(json.Unmarshal([]byte(text), &all))
	return all
}

func (b *book) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *book) add(kind *record.Kind, text string) error {
	return b.do("person/a", func(tx *act.Tx) error { _, err := record.Add(tx, kind, b.fields(text)); return err })
}

func (b *book) set(who string, kind *record.Kind, id, text string) error {
	return b.do(who, func(tx *act.Tx) error {
		_, err := record.Set(tx, kind, id, record.AnyVersion, b.fields(text))
		return err
	})
}

func (b *book) move(who string, kind *record.Kind, id, state, text string) error {
	return b.do(who, func(tx *act.Tx) error {
		permission, err := record.Permission(&tx.Reader, kind, id, state)
		if err == nil {
			_, err = record.Move(tx, kind, id, record.AnyVersion, state, permission, b.fields(text))
		}
		return err
	})
}

// refused holds that an error is about the field, and says so much.
func (b *book) refused(err error, field, says string) {
	b.Helper()
	var wrong *record.Invalid
	if !errors.As(err, &wrong) || !slices.ContainsFunc(wrong.Fields, func(f record.FieldError) bool { return f.Field == field && strings.Contains(f.Problem, says) }) {
		b.Errorf("got %v, want %s: %s", err, field, says)
	}
}

func (b *book) risk(id string) (r *risks.Risk, version int) {
	b.Helper()
	b.must(b.l.DB.Read(context.Background(), func(reader *store.Reader) (err error) {
		r, version, err = record.Load[risks.Risk](reader, risks.Register, id)
		return err
	}))
	return r, version
}

func TestAnotherScaleComesIntoForce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		b := open(t, l)
		add := func(more string) { b.must(b.add(risks.Register, strings.TrimSuffix(risk, "}")+more+"}")) }
		add(`,"likelihood":5,"impact":3`)                                        // RSK-1, assessed
		add(``)                                                                  // RSK-2, never rated
		add(`,"likelihood":2,"impact":2,"closed_reason":"There are no laptops"`) // RSK-3, closed
		b.must(b.move("person/a", risks.Register, "RSK-1", "assessed", `{"response":"reduce","controls":["END-01"],"due_at":"2026-12-01T00:00:00Z"}`))
		b.must(b.move("person/a", risks.Register, "RSK-3", "closed", `{}`))
		before, _ := b.risk("RSK-1")
		if before.Scale != "" || before.RatedOn == nil || before.RatedOn.ControlFrom != 12 || before.Level != "high" {
			t.Errorf("rated on the default: %+v", before)
		}

		// It is approved by somebody who wrote nothing of it, as it was proposed.
		b.must(b.add(risks.Scales, fourByFour))
		b.must(b.set("person/b", risks.Scales, "SCL-1", `{"why":"Five were too many"}`))
		for _, who := range []string{"person/a", "person/b"} {
			if err := b.move(who, risks.Scales, "SCL-1", risks.InForce, `{}`); !errors.Is(err, act.ErrSamePerson) {
				t.Errorf("%s wrote it and approves it: %v", who, err)
			}
		}
		b.refused(b.move("person/c", risks.Scales, "SCL-1", risks.InForce, `{"control_from":16}`), "control_from", "is approved as it was written")
		b.must(b.move("person/c", risks.Scales, "SCL-1", risks.InForce, `{}`))
		b.refused(b.set("person/b", risks.Scales, "SCL-1", `{"control_from":16}`), "state", "propose another one")

		// What was rated before keeps its rating, and is asked for, at once and once.
		r, version := b.risk("RSK-1")
		if r.RateOn != "risk_scale/SCL-1" || r.RateBy == nil || !r.RateBy.Equal(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("nobody is asked to rate it: %+v", r)
		}
		if r.Scale != "" || *r.Score != 15 || r.Level != "high" || !record.SameTime(r.ReviewedAt, before.ReviewedAt) || !record.SameTime(r.DueAt, before.DueAt) {
			t.Errorf("its rating has changed: %+v", r)
		}
		for _, id := range []string{"RSK-2", "RSK-3"} {
			if other, _ := b.risk(id); other.RateOn != "" {
				t.Errorf("%s is asked for: %+v", id, other)
			}
		}
		job := act.JobCaller("register.watch")
		if asked, err := risks.AskAnew(context.Background(), l.Door, job); err != nil || len(asked) > 0 {
			t.Errorf("it is asked for again: %v %v", asked, err)
		}

		// Other changes leave the rating. A rating, or a review, is on the scale in force,
		// and says so where there was one before.
		b.must(b.set("person/a", risks.Register, "RSK-1", `{"treatment":"Encrypt the disks"}`))
		if r, next := b.risk("RSK-1"); next != version+1 || r.Level != "high" || r.RateOn == "" || r.RatedOn.Likelihoods != 5 {
			t.Errorf("a treatment changes the rating: %+v", r)
		}
		b.refused(b.set("person/a", risks.Register, "RSK-1", `{"likelihood":4}`), "scale", "say risk_scale/SCL-1")
		b.refused(b.move("person/a", risks.Register, "RSK-1", "assessed", `{}`), "scale", "say risk_scale/SCL-1")
		b.refused(b.set("person/a", risks.Register, "RSK-1", `{"scale":"risk_scale/SCL-1"}`), "likelihood", "is 5: on the scale SCL-1 it goes from 1 (seldom) to 4 (often)")
		b.must(b.move("person/a", risks.Register, "RSK-1", "assessed", `{"scale":"risk_scale/SCL-1","likelihood":4}`))
		if r, _ := b.risk("RSK-1"); r.Scale != "risk_scale/SCL-1" || *r.Score != 12 || r.Level != "red" || r.RateOn != "" || r.RateBy != nil || r.RatedOn.ControlFrom != 9 {
			t.Errorf("rated on the scale in force: %+v", r)
		}

		// A first rating is on the scale in force; the control is asked for from its score on.
		b.refused(b.set("person/a", risks.Register, "RSK-2", `{"likelihood":5,"residual_impact":5}`), "residual_impact", "it goes from 1 (small) to 4 (ruin)")
		b.must(b.set("person/a", risks.Register, "RSK-2", `{"likelihood":3,"impact":3,"response":"reduce","due_at":"2026-06-01T00:00:00Z"}`))
		b.refused(b.move("person/a", risks.Register, "RSK-2", "assessed", `{}`), "controls", "names none: a risk that is not accepted names one")
		b.must(b.set("person/a", risks.Register, "RSK-2", `{"impact":2}`))
		b.must(b.move("person/a", risks.Register, "RSK-2", "assessed", `{}`))
		if r, _ := b.risk("RSK-2"); r.Scale != "risk_scale/SCL-1" || r.Level != "amber" {
			t.Errorf("rated for the first time: %+v", r)
		}

		// What is done about a risk makes none greater; where it was said of before, other changes leave it.
		b.refused(b.set("person/a", risks.Register, "RSK-2", `{"residual_likelihood":3,"residual_impact":3}`), "residual_impact", "make 9, above the 6 without anything done")
		b.must(b.set("person/a", risks.Register, "RSK-2", `{"residual_likelihood":2,"residual_impact":3}`))
		b.must(b.set("person/a", risks.Register, "RSK-2", `{"residual_likelihood":null,"residual_impact":null}`))

		// A closed one is asked for when it is opened again.
		b.must(b.move("person/a", risks.Register, "RSK-3", "identified", `{}`))
		if asked, err := risks.AskAnew(context.Background(), l.Door, job); err != nil || fmt.Sprint(asked) != "[RSK-3]" {
			t.Errorf("opened again: %v %v", asked, err)
		}

		// A day that has passed, or lies too far ahead, is none; the next scale ends this one.
		for _, day := range []string{"2020-01-01", "2031-01-01"} {
			b.must(b.add(risks.Scales, strings.Replace(fourByFour, "2026-06-01", day, 1)))
		}
		b.refused(b.move("person/c", risks.Scales, "SCL-2", risks.InForce, `{}`), "rate_by", "a day ahead")
		b.refused(b.move("person/c", risks.Scales, "SCL-3", risks.InForce, `{}`), "rate_by", "within a year")
		b.must(b.set("person/a", risks.Scales, "SCL-3", `{"rate_by":"2026-07-01T00:00:00Z"}`))
		b.must(b.move("person/c", risks.Scales, "SCL-3", risks.InForce, `{}`))
		b.must(l.DB.Read(context.Background(), func(reader *store.Reader) error {
			ended, _, err := record.Load[risks.Scale](reader, risks.Scales, "SCL-1")
			if err == nil && (ended.State != risks.Superseded || ended.SupersededAt == nil) {
				t.Errorf("the scale before: %+v", ended)
			}
			inForce, err2 := risks.InCharge(reader)
			if err2 == nil && inForce.ID != "SCL-3" {
				t.Errorf("in force is %s", inForce.ID)
			}
			return errors.Join(err, err2)
		}))
		if r, _ := b.risk("RSK-3"); r.RateOn != "risk_scale/SCL-3" || r.Level != "low" || r.Scale != "" {
			t.Errorf("asked for by the next scale: %+v", r)
		}
		l.Verify(t, b.kinds)
	})
}

// A table rates on the scale in force, and its preview says what the import would.
func TestATableRatesOnTheScaleInForce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		b := open(t, l)
		b.must(b.add(risks.Register, strings.TrimSuffix(risk, "}")+`,"likelihood":5,"impact":3}`))
		b.must(b.add(risks.Scales, fourByFour))
		b.must(b.move("person/c", risks.Scales, "SCL-1", risks.InForce, `{}`))
		b.must(b.add(risks.Scales, fourByFour))
		const head = "id,title,category,owner,scale,likelihood,impact\n"
		for _, test := range []struct{ row, wrong, level string }{
			{"RSK-7,x,fraud,person/a,,4,4", "", "red"},
			{"RSK-8,x,fraud,person/a,,5,1", "likelihood: is 5: on the scale SCL-1 it goes from 1 (seldom) to 4 (often)", ""},
			{"RSK-9,x,fraud,person/a,risk_scale/SCL-2,1,1", "scale: is that of an earlier rating: say risk_scale/SCL-1", ""},
			{"RSK-1,x,fraud,person/a,,4,3", "scale: is that of an earlier rating", ""},
			{"RSK-1,another title,fraud,person/a,,5,3", "", "high"},
			{"RSK-1,x,fraud,person/a,risk_scale/SCL-1,4,3", "", "red"},
		} {
			id, _, _ := strings.Cut(test.row, ",")
			in := record.Intake{Door: l.Door, Caller: act.Caller{ID: "person/a", Roles: []string{"administrator"}}, Kind: risks.Register, Action: "import.csv", Update: true}
			table := func() *tabular.Table {
				table, err := tabular.Open("risks.csv", strings.NewReader(head+test.row+"\n"), risks.Register, tabular.Options{Zone: time.UTC})
				b.must(err)
				return table
			}
			var previewed record.Preview
			_, err := in.Preview(context.Background(), l.DB, l.Clock.Now(), table().Items(), func(p record.Preview) error { previewed = p; return nil })
			b.must(err)
			if (previewed.Outcome == record.Refused) != (test.wrong != "") || !strings.Contains(previewed.Wrong, test.wrong) {
				t.Errorf("%s: the preview says %+v", test.row, previewed)
			}
			done, err := in.Run(context.Background(), table().Items())
			b.must(err)
			if test.wrong != "" {
				if done.Taken+done.Updated != 0 || len(done.Reasons) != 1 || !strings.Contains(fmt.Sprint(done.Reasons), test.wrong) {
					t.Errorf("%s: %+v", test.row, done)
				}
				continue
			}
			if r, _ := b.risk(id); done.Taken+done.Updated != 1 || r.Level != test.level {
				t.Errorf("%s: %+v makes %+v", test.row, done, r)
			}
		}

		// The template says what the numbers mean now.
		var made bytes.Buffer
		b.must(l.DB.Read(context.Background(), func(reader *store.Reader) error {
			helps, err := risks.Register.Explained(reader)
			return errors.Join(err, tabular.Template(&made, risks.Register, helps))
		}))
		if text := cells(t, made.Bytes()); !strings.Contains(text, "1 small (below 10 k€)") || strings.Contains(text, "almost certain") {
			t.Error(text)
		}
		l.Verify(t, b.kinds)
	})
}
