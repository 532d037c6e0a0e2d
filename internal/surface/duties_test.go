package surface_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
	"scaf.dev/scaf/internal/trust/stamps"
	"scaf.dev/scaf/internal/trust/timestamp/timestamptest"
)

// daily is a folder with its duties.
type daily struct {
	t *testing.T
	*apptest.Folder
	runner *act.Runner
	duties *surface.Duties
	log    bytes.Buffer
}

func newDaily(t *testing.T, f *apptest.Folder) *daily {
	t.Helper()
	d := &daily{t: t, Folder: f}
	log := slog.New(slog.NewTextHandler(&d.log, nil))
	d.runner = act.NewRunner(f.Door, log)
	var err error
	if d.duties, err = surface.NewDuties(f.System, d.runner, log); err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *daily) run() {
	d.t.Helper()
	if err := d.runner.RunDue(context.Background()); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daily) metric(name string) float64 {
	d.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(d.duties, d.runner)
	families, err := registry.Gather()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	d.t.Fatalf("there is no metric %s", name)
	return 0
}

// events returns the own events of a type, the newest last.
func (d *daily) events(kind string) []*ledger.Event {
	d.t.Helper()
	var found []*ledger.Event
	if err := ledger.Find(context.Background(), d.DB, ledger.Query{Type: kind}, func(e *ledger.Event) error {
		found = append(found, e)
		return nil
	}); err != nil {
		d.t.Fatal(err)
	}
	return found
}

func (d *daily) verifications() (outcomes []string, last surface.Verification) {
	d.t.Helper()
	for _, e := range d.events(ledger.VerifiedType) {
		outcomes = append(outcomes, e.Outcome)
		last = surface.Verification{}
		if err := json.Unmarshal(e.Data, &last); err != nil {
			d.t.Fatal(err)
		}
		if e.Subject != "ledger" || e.Actor != "job/ledger.verify" {
			d.t.Errorf("subject %s, actor %s", e.Subject, e.Actor)
		}
	}
	return outcomes, last
}

func TestTheDailyVerificationFindsAFlippedByte(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		d := newDaily(t, f)
		var documents [][]byte
		for i := range 300 { // more than a tile, so that there is one to differ from
			documents = append(documents, ledgertest.Event(fmt.Sprint("e", i), nil))
		}
		f.Append(t, documents...)
		d.run()
		outcomes, data := d.verifications()
		if fmt.Sprint(outcomes) != "[success]" || data.Checkpoint == nil || data.Checkpoint.Size != 300 || data.Events != 300 || !data.Full || data.Difference != "" {
			t.Fatalf("%v %+v", outcomes, data)
		}
		if d.metric("scaf_ledger_verification_failed") != 0 || d.metric("scaf_ledger_last_verified_timestamp_seconds") != float64(f.Manual.Now().Unix()) {
			t.Error("the metrics do not say that it is whole")
		}
		flip := func(tx *store.Tx) error {
			return ledgertest.Edit(tx, 0, func(bundle []byte) error {
				for _, text := range []string{"thing/d7", "thing/e7"} { // back, or there
					if at := bytes.Index(bundle, []byte(text)); at >= 0 {
						bundle[at+len("thing/")] ^= 1
						return nil
					}
				}
				return errors.New("event 7 is not in the first bundle")
			})
		}
		f.Behind(t, flip)
		f.Manual.Advance(24 * time.Hour)
		d.run()
		outcomes, data = d.verifications()
		if fmt.Sprint(outcomes) != "[success failure]" || data.Checkpoint != nil || !strings.HasPrefix(data.Difference, "event 7: ") {
			t.Fatalf("%v %+v", outcomes, data)
		}
		if d.metric("scaf_ledger_verification_failed") != 1 || !strings.Contains(d.log.String(), "level=ERROR") {
			t.Error("no alarm was raised")
		}
		// It is not forgotten by a restart.
		f.Reopen(t)
		d = newDaily(t, f)
		if err := d.duties.Restore(context.Background()); err != nil || d.metric("scaf_ledger_verification_failed") != 1 {
			t.Errorf("after a restart the alarm is gone (%v)", err)
		}
		// Repaired, it is found whole by a full reading, the failure's own event included.
		f.Behind(t, flip)
		f.Manual.Advance(24 * time.Hour)
		d.run()
		if outcomes, data = d.verifications(); fmt.Sprint(outcomes) != "[success failure success]" || !data.Full {
			t.Errorf("%v %+v", outcomes, data)
		}
		if d.metric("scaf_ledger_verification_failed") != 0 {
			t.Error("the alarm did not end")
		}
		if _, err := f.Verify(context.Background(), nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestTheDailyVerificationFindsAnEditedRecord(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		d := newDaily(t, f)
		f.Token(t, "auditor", time.Hour)
		f.Behind(t, func(tx *store.Tx) error {
			_, err := tx.Exec(`UPDATE record_version SET doc = replace(doc, 'auditor', 'administrator')`)
			return err
		})
		d.run()
		if outcomes, data := d.verifications(); fmt.Sprint(outcomes) != "[failure]" || !strings.Contains(data.Difference, "token/") {
			t.Errorf("%v %+v", outcomes, data)
		}
	})
}

func stampingFolder(t *testing.T) (*apptest.Folder, *timestamptest.Server) {
	t.Helper()
	authority := timestamptest.Authority(t)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, authority.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	f := apptest.New(t, config.Config{TimestampURL: authority.URL, TimestampRoots: roots})
	authority.SetClock(f.Manual)
	return f, authority
}

func TestTheLedgerIsStampedEveryDay(t *testing.T) {
	f, authority := stampingFolder(t)
	d := newDaily(t, f)
	f.Append(t, ledgertest.Event("a", nil), ledgertest.Event("b", nil))
	authority.SetRefusing(true)
	d.run()
	if n := len(d.events(stamps.Type)); n != 0 || authority.Served() != 1 {
		t.Fatalf("%d stamps of an authority that refused %d times", n, authority.Served())
	}
	d.run()
	if authority.Served() != 1 {
		t.Error("asked again at once")
	}
	authority.SetRefusing(false)
	f.Manual.Advance(jobs.Backoff(1))
	d.run()
	if n := len(d.events(stamps.Type)); n != 1 {
		t.Fatalf("%d stamps after the pause", n)
	}
	first := f.Manual.Now()
	f.Append(t, ledgertest.Event("c", nil))
	f.Manual.Advance(24 * time.Hour)
	d.run()
	f.Append(t, ledgertest.Event("d", nil))
	stamped := d.events(stamps.Type)
	if len(stamped) != 2 || stamped[0].Actor != "job/ledger.timestamp" {
		t.Fatalf("%d stamps", len(stamped))
	}
	verified, err := f.Verify(context.Background(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(verified.Existed) != 2 || verified.Existed[0].From != 0 || verified.Existed[0].To <= 1 || !verified.Existed[0].Time.Equal(first.Truncate(time.Second)) ||
		verified.Existed[1].From != verified.Existed[0].To || !verified.Existed[1].Time.Equal(f.Manual.Now().Truncate(time.Second)) {
		t.Errorf("existed: %+v", verified.Existed)
	}
	text := strings.Join(verified.TimeText(), "\n")
	if !strings.Contains(text, "existed at 2026-03-03T09:01:00Z") || !strings.Contains(text, "later events are self-asserted") {
		t.Errorf("text: %s", text)
	}
	// Without the roots nothing independent is claimed.
	f.Config.TimestampRoots = ""
	if verified, err = f.Verify(context.Background(), nil, nil); err != nil || len(verified.Existed) != 0 || verified.Unchecked != 2 {
		t.Errorf("without roots: %+v, %v", verified, err)
	}
}

func TestATimeStampOfAnotherAuthorityIsDamage(t *testing.T) {
	f, authority := stampingFolder(t)
	ctx := context.Background()
	if _, _, err := f.Stamp(ctx, apptest.Operator, nil); err != nil {
		t.Fatal(err)
	}
	other := timestamptest.Authority(t)
	if err := os.WriteFile(f.Config.TimestampRoots, other.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Verify(ctx, nil, nil); !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), "time stamp") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(f.Config.TimestampRoots, authority.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Verify(ctx, nil, nil); err != nil {
		t.Error(err)
	}
	// An event whose token is of another checkpoint than it cites.
	if _, err := f.Door.Do(ctx, apptest.Operator, "ledger.timestamp", "ledger", func(tx *act.Tx) error {
		var data stamps.Stamped
		event, err := ledger.Get(&tx.Reader, 0)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(event.Data, &data); err != nil {
			return err
		}
		head, err := ledger.ReadHead(&tx.Reader)
		data.Checkpoint = stamps.Checkpoint{Size: head.Size, Root: fmt.Sprintf("%x", head.Root)}
		if err != nil {
			return err
		}
		_, err = tx.Event(act.Event{Type: stamps.Type, Subject: "ledger", Data: data})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Verify(ctx, nil, nil); !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), "event 1") {
		t.Errorf("got %v", err)
	}
}

func TestAStampNeedsAnAuthorityAndThePermission(t *testing.T) {
	f := apptest.New(t, config.Config{})
	if _, _, err := f.Stamp(context.Background(), apptest.Operator, nil); !errors.Is(err, surface.ErrNoAuthority) || !strings.Contains(err.Error(), "--tsa") {
		t.Errorf("got %v", err)
	}
	f, authority := stampingFolder(t)
	if _, _, err := f.Stamp(context.Background(), act.Caller{ID: "token/x", Roles: []string{"auditor"}}, nil); !errors.Is(err, act.ErrDenied) || authority.Served() != 0 {
		t.Errorf("got %v after %d queries", err, authority.Served())
	}
}
