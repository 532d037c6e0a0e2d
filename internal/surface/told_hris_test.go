package surface_test

import (
	"context"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// What the HR system does not hold is told to whoever keeps the registers, once, and again when
// something else differs; so is what it took and nobody has read back for a week.
func TestWhatTheHRSystemDoesNotHoldIsTold(t *testing.T) {
	o := openTold(t, apptest.New(t, config.Config{HRIS: &config.HRIS{Secret: config.Secret{Env: "SCAF_TEST_HRIS"}, SendTo: "https://hr.example/hook"}}))
	put := func(kind *record.Kind, verb, id string, doc any) {
		t.Helper()
		if _, err := o.Door.Do(context.Background(), apptest.Operator, "hris.reconcile", kind.Register, func(tx *act.Tx) error {
			_, err := record.Put(tx, kind, record.Change{Verb: verb, ID: id, Doc: doc})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	made := func(id string, listed ...hris.Difference) {
		t.Helper()
		o.Manual.Advance(time.Hour)
		put(hris.Reconciliations, "made", id, &hris.Reconciliation{ID: id, At: o.Manual.Now(), Source: "hr.example", Here: 9, Matched: 9 - len(listed), Differences: len(listed), Listed: listed})
		o.run()
	}
	night := func(days int) {
		t.Helper()
		o.Manual.Advance(time.Duration(days) * 24 * time.Hour)
		if _, err := o.TellDeadlines(context.Background(), act.JobCaller(surface.TellJob)); err != nil {
			t.Fatal(err)
		}
	}
	one, other := hris.Difference{Person: "E1", Version: "PV-1", What: hris.MissingThere}, hris.Difference{Person: "E4", Version: "PV-1", What: hris.OtherText}
	const alone, differs = "Nobody has read back what the HR system holds for a week -> /r/hris_reconciliations", "The HR system does not hold what was acknowledged: "
	put(hris.Deliveries, hris.Sent, "msg_1", &hris.Delivery{ID: "msg_1", Acknowledgment: "acknowledgment/PV-1.E1", State: hris.Sent, At: o.Manual.Now()})
	put(hris.Deliveries, hris.Refused, "msg_2", &hris.Delivery{ID: "msg_2", Acknowledgment: "acknowledgment/PV-1.E2", State: hris.Refused, At: o.Manual.Now()})
	night(6)
	o.wants("person/E2", notifications.Job)
	night(2)
	night(1)
	want := []string{alone}
	o.wants("person/E2", notifications.Job, want...)

	made("HRR-1", one)
	made("HRR-2", one) // as before
	want = append(want, differs+"1 differs -> /r/hris_reconciliations/HRR-1")
	o.wants("person/E2", notifications.Job, want...)
	made("HRR-3", other)
	made("HRR-4")
	want = append(want, differs+"1 differs -> /r/hris_reconciliations/HRR-3")
	o.wants("person/E2", notifications.Job, want...)
	night(9) // everything that was sent was compared
	put(hris.Deliveries, hris.Refused, "msg_3", &hris.Delivery{ID: "msg_3", Acknowledgment: "acknowledgment/PV-1.E3", State: hris.Refused, At: o.Manual.Now()})
	night(9) // it was not taken
	o.wants("person/E2", notifications.Job, want...)
	put(hris.Deliveries, hris.Sent, "msg_4", &hris.Delivery{ID: "msg_4", Acknowledgment: "acknowledgment/PV-1.E4", State: hris.Sent, At: o.Manual.Now()})
	night(8)
	o.wants("person/E2", notifications.Job, append(want, alone)...)
	o.wants("person/E1", notifications.Job)
	o.wants("person/E3", notifications.Job)
}
