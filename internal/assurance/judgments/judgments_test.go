package judgments_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

var kinds = record.Kinds{judgments.Deviations, judgments.Conclusions}

func person(name string) act.Caller {
	return act.Caller{ID: "person/" + name, Roles: []string{"administrator"}}
}

// People; robin owns the control.
var ann, ben, robin = person("ann"), person("ben"), person("robin")

// court is a ledger in which people judge.
type court struct {
	*testing.T
	*ledgertest.Ledger
}

func each(t *testing.T, test func(c *court)) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		test(&court{t, l})
		l.Verify(t, kinds)
	})
}

func about(item string) judgments.Deviation {
	return judgments.Deviation{Subject: judgments.Subject{Control: "C-1", Test: "one", Period: "P", Item: item}, Result: "RES-1", Owner: "robin"}
}

func (c *court) state(by act.Caller, d judgments.Deviation) (made []judgments.Deviation, err error) {
	_, err = c.Do(context.Background(), by, "deviation.state", "test", func(tx *act.Tx) error {
		made, err = judgments.State(tx, d)
		if err == nil && len(made) == 0 {
			return record.ErrSame
		}
		return err
	})
	return made, err
}

func (c *court) cause(by act.Caller, item, cause string) error {
	d := about(item)
	d.Cause = &judgments.Cause{ID: cause, Person: "person/x"}
	_, err := c.state(by, d)
	return err
}

func (c *court) confirm(by act.Caller, item string) error {
	_, err := c.Do(context.Background(), by, "deviation.confirm", "test", func(tx *act.Tx) error {
		_, err := judgments.Confirm(tx, about(item).Subject)
		return err
	})
	return err
}

func (c *court) known() (known *judgments.Known) {
	c.Helper()
	if err := c.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		known, err = judgments.Of(populations.Stored(r), "C-1", "one", "P", 0)
		return err
	}); err != nil {
		c.Fatal(err)
	}
	return known
}

func (c *court) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func TestACauseCountsOnceSomebodyElseHasConfirmedIt(t *testing.T) {
	each(t, func(c *court) {
		if err := c.cause(ann, "a/1", "bad luck"); !errors.Is(err, judgments.ErrWrong) || !strings.Contains(err.Error(), "human_error") {
			c.Errorf("a cause that is not in the list: %v", err)
		}
		if err := c.confirm(ben, "a/1"); !errors.Is(err, judgments.ErrNothing) {
			c.Errorf("nothing is stated: %v", err)
		}
		c.must(c.cause(ann, "a/1", "human_error"))
		if known := c.known(); len(known.Notes.Items) != 0 || !known.Pending["a/1"] {
			c.Errorf("stated only: %+v", known)
		}
		for name, by := range map[string]act.Caller{"who stated it": ann, "the owner": robin} {
			if err := c.confirm(by, "a/1"); !errors.Is(err, act.ErrSamePerson) {
				c.Errorf("confirmed by %s: %v", name, err)
			}
		}
		c.must(c.confirm(ben, "a/1"))
		if known := c.known(); known.Notes.Items["a/1"] != (controltests.Note{Cause: "human_error", Person: "person/x"}) || len(known.Pending) != 0 {
			c.Errorf("confirmed: %+v", known)
		}
		if err := c.confirm(ben, "a/1"); !errors.Is(err, judgments.ErrNothing) {
			c.Errorf("twice: %v", err)
		}
		if err := c.cause(robin, "a/1", "human_error"); !errors.Is(err, record.ErrSame) {
			c.Errorf("the same again: %v", err)
		}
		// What is stated otherwise has to be confirmed again; the owner may state.
		c.must(c.cause(robin, "a/1", "design_gap"))
		if known := c.known(); len(known.Notes.Items) != 0 || !known.Pending["a/1"] {
			c.Errorf("restated: %+v", known)
		}
		c.must(c.confirm(ann, "a/1"))
		if known := c.known(); !known.Notes.Items["a/1"].DesignLevel {
			c.Errorf("a cause of the design: %+v", known)
		}
	})
}

func TestCompensationsAndIncidents(t *testing.T) {
	each(t, func(c *court) {
		d := about("x")
		d.Compensation = &judgments.Compensation{By: "control/C-2", Reason: " "}
		if _, err := c.state(ann, d); !errors.Is(err, judgments.ErrWrong) {
			c.Errorf("without a reason: %v", err)
		}
		d.Compensation.Reason = "read the log"
		_, err := c.state(ann, d)
		c.must(err)
		c.must(c.cause(ben, "x", "capacity"))
		// One of the two is ben's, and one ann's: it takes a third person.
		for _, by := range []act.Caller{ann, ben} {
			if err := c.confirm(by, "x"); !errors.Is(err, act.ErrSamePerson) {
				c.Errorf("%s: %v", by.ID, err)
			}
		}
		linked := about("x")
		linked.Incident = "incident/INC-1"
		_, err = c.state(ben, linked)
		c.must(err)
		known := c.known() // an incident needs nobody's confirmation
		if known.Notes.Items["x"].Incident != "incident/INC-1" || known.Notes.Items["x"].Cause != "" || len(known.Notes.Compensating) != 0 {
			c.Errorf("%+v", known)
		}
		c.must(c.confirm(person("cat"), "x"))
		if known := c.known(); known.Notes.Compensating["x"] != "read the log" || known.Notes.Items["x"].Cause != "capacity" || known.Notes.Items["x"].Incident == "" {
			c.Errorf("%+v", known)
		}
		if _, err := c.state(ann, about("empty")); !errors.Is(err, judgments.ErrWrong) && !errors.Is(err, record.ErrSame) {
			c.Errorf("nothing: %v", err)
		}
	})
}

func TestOneOperatorForTwoPeopleIsSaid(t *testing.T) {
	each(t, func(c *court) {
		for item, via := range map[string][2]string{"one": {"local/root", "local/root"}, "two": {"local/root", "local/other"}, "self": {"", ""}} {
			stater, confirmer := ann, ben
			stater.By, confirmer.By = via[0], via[1]
			c.must(c.cause(stater, item, "capacity"))
			c.must(c.confirm(confirmer, item))
		}
		if known := c.known(); len(known.OneOperator) != 1 || !known.OneOperator["one"] {
			c.Errorf("%+v", known.OneOperator)
		}
	})
}

func TestConclusionsByPersons(t *testing.T) {
	on := func(computed controltests.Conclusion, deviations int) judgments.Basis {
		return judgments.Basis{Result: "RES-1", Control: "C-1", Test: "one", Period: "P", Owner: "robin", PerformedBy: "person/ann", Conclusion: computed, Deviations: deviations}
	}
	const (
		eff, exc, bad, inc, none = controltests.Effective, controltests.EffectiveWithExceptions, controltests.Ineffective, controltests.Incomplete, controltests.NotOccurring
		management               = judgments.Management
	)
	each(t, func(c *court) {
		conclude := func(by act.Caller, role judgments.Role, basis judgments.Basis, to controltests.Conclusion, reason string) error {
			_, err := c.Do(context.Background(), by, "control.conclude", "test", func(tx *act.Tx) error {
				_, err := judgments.Conclude(tx, judgments.Conclusion{Role: role, Conclusion: to, Reason: reason}, basis)
				return err
			})
			return err
		}
		for _, one := range []struct {
			name   string
			by     act.Caller
			role   judgments.Role
			basis  judgments.Basis
			to     controltests.Conclusion
			reason string
			want   error
		}{
			{"the same", ann, management, on(exc, 1), exc, "", nil},
			{"harsher", ann, management, on(exc, 1), bad, "", nil},
			{"harsher than effective", ann, management, on(eff, 0), inc, "", nil},
			{"harsher than incomplete", ann, management, on(inc, 0), bad, "", nil},
			{"softer with a reason", ann, management, on(bad, 1), exc, "it was found in a day", nil},
			{"softer without one", ann, management, on(bad, 1), exc, " ", judgments.ErrWrong},
			{"a deviation does not go away", ann, management, on(exc, 1), eff, "it was repaired", judgments.ErrWrong},
			{"two steps", ann, management, on(bad, 1), eff, "it was repaired", judgments.ErrWrong},
			{"ineffective without a deviation", ann, management, on(bad, 0), exc, "no harm", judgments.ErrWrong},
			{"what is missing", ann, management, on(inc, 0), eff, "we know it", judgments.ErrWrong},
			{"what is missing, a little", ann, management, on(inc, 3), exc, "we know it", judgments.ErrWrong},
			{"not occurring is not effective", ann, management, on(none, 0), eff, "nothing went wrong", judgments.ErrWrong},
			{"an unknown word", ann, management, on(exc, 1), "fine", "x", judgments.ErrWrong},
			{"not tested", ann, management, on(exc, 1), controltests.NotTested, "x", judgments.ErrWrong},
			{"an unknown role", ann, "friend", on(exc, 1), exc, "", judgments.ErrWrong},
			{"the owner", robin, management, on(exc, 1), bad, "", act.ErrSamePerson},
			{"who performed it does not audit it", ann, judgments.Auditor, on(exc, 1), exc, "", act.ErrSamePerson},
			{"the auditor confirms", ben, judgments.Confirmation, on(exc, 1), exc, "", nil},
			{"and concludes", ben, judgments.Auditor, on(exc, 1), bad, "", nil},
			{"and is not management", ben, management, on(exc, 1), bad, "", act.ErrSamePerson},
		} {
			if err := conclude(one.by, one.role, one.basis, one.to, one.reason); !errors.Is(err, one.want) {
				c.Errorf("%s: %v, want %v", one.name, err, one.want)
			}
		}
		design := on(bad, 1)
		design.Design = true
		if err := conclude(ann, management, design, exc, "it is not so bad"); !errors.Is(err, judgments.ErrWrong) {
			c.Errorf("a design that does not work: %v", err)
		}
		var all []judgments.Conclusion
		c.must(c.DB.Read(context.Background(), func(r *store.Reader) (err error) {
			all, err = judgments.List(r, "P", 0)
			return err
		}))
		if len(all) != 7 || all[6].Role != judgments.Auditor || all[6].Computed != exc || all[6].ID != "CON-7" {
			c.Errorf("%+v", all)
		}
	})
}

func TestCausesAreAList(t *testing.T) {
	design := 0
	for _, cause := range judgments.Causes() {
		if found, err := judgments.FindCause(cause.ID); err != nil || found != cause {
			t.Errorf("%+v, %v", found, err)
		}
		if strings.ToLower(cause.ID) != cause.ID || strings.ContainsAny(cause.ID, " -") {
			t.Errorf("the id %q", cause.ID)
		}
		if cause.Design {
			design++
		}
	}
	if len(judgments.Causes()) < 10 || design == 0 {
		t.Errorf("%d causes, %d of the design", len(judgments.Causes()), design)
	}
}
