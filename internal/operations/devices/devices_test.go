package devices_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/operations/devices"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

func TestDevices(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: devices.Register, New: `{"owner":"person/owner"}`, Set: `{"platform":"macOS 15"}`,
		Fields:  map[string]string{"in_use ended": `{"ended_how":"Wiped and sold"}`},
		Refused: map[string]string{"id": `{"id":"LAP 7"}`, "name": `{"name":"` + strings.Repeat("x", 2001) + `"}`},
	})
}

func TestPostures(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: devices.Postures, New: `{"device":"LAP-7","owner":"person/owner","seen_at":"2026-01-01T00:00:00Z"}`, Set: `{"note":"Read twice"}`,
		With:    record.Kinds{devices.Register},
		Refused: map[string]string{"device": `{"device":"LAP 7"}`, "seen_at": `{"seen_at":"2036-01-01T00:00:00Z"}`, "owner": `{"owner":null,"device":"new"}`, "removable_media": `{"removable_media":"x"}`},
	})
}

func TestDetections(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: devices.Detections, New: `{"device":"device/LAP-7","what":"Adware","found_at":"2026-01-01T00:00:00Z","owner":"person/owner"}`, Set: `{"what":"More adware"}`,
		Fields:  map[string]string{"found handled": `{"outcome":"Removed","handled_at":"2026-01-02T00:00:00Z"}`},
		Refused: map[string]string{"handled_at": `{"handled_at":"2025-01-02T00:00:00Z"}`, "device": `{"device":"LAP-7"}`},
	})
}

func TestWhatIsNotKnownIsNotAsItShouldBe(t *testing.T) {
	yes, no := true, false
	whole := devices.Posture{DiskEncrypted: &yes, ScreenLock: &yes, UpdatesCurrent: &yes, ProtectionRunning: &yes, RemovableMedia: "blocked"}
	for name, test := range map[string]struct {
		change func(p *devices.Posture)
		want   bool
	}{
		"all":       {func(*devices.Posture) {}, true},
		"encrypted": {func(p *devices.Posture) { p.RemovableMedia = "encrypted" }, true},
		"media":     {func(p *devices.Posture) { p.RemovableMedia = "free" }, false},
		"no media":  {func(p *devices.Posture) { p.RemovableMedia = "" }, false},
		"disk":      {func(p *devices.Posture) { p.DiskEncrypted = &no }, false},
		"no disk":   {func(p *devices.Posture) { p.DiskEncrypted = nil }, false},
		"lock":      {func(p *devices.Posture) { p.ScreenLock = nil }, false},
		"updates":   {func(p *devices.Posture) { p.UpdatesCurrent = nil }, false},
		"malware":   {func(p *devices.Posture) { p.ProtectionRunning = nil }, false},
	} {
		p := whole
		test.change(&p)
		if p.Compute(); p.Compliant != test.want {
			t.Errorf("%s: %v", name, p.Compliant)
		}
	}
}

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

// A posture brings its device into the register, or up to date; a device that falls
// silent is an item without a sighting.
func TestADeviceIsSeenEveryQuarter(t *testing.T) {
	kinds := record.Kinds{devices.Register, devices.Postures}
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		if err := l.Door.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := kinds.Adopt(context.Background(), l.DB); err != nil {
			t.Fatal(err)
		}
		l.OpenDoor(t)
		do := func(body func(*act.Tx) error) {
			t.Helper()
			if _, err := l.Do(context.Background(), act.Caller{ID: "person/a", Roles: []string{"administrator"}}, "test", "devices", body); err != nil {
				t.Fatal(err)
			}
		}
		fields := func(text string) (all map[string]json.RawMessage) {
			if err := json.Unmarshal([]byte(text), &all); err != nil {
				t.Fatal(err)
			}
			return all
		}
		seen := func(device, owner, at, more string) {
			t.Helper()
			l.Clock.Set(day(at).Add(time.Hour))
			do(func(tx *act.Tx) error {
				_, err := record.Add(tx, devices.Postures, fields(fmt.Sprintf(`{"id":"%s@%s","device":%[1]q,"owner":%[3]q,"seen_at":"%[2]sT00:00:00Z"%[4]s}`, device, at, owner, more)))
				return err
			})
		}
		all := `,"disk_encrypted":true,"screen_lock":true,"updates_current":true,"protection_running":true,"removable_media":"blocked"`
		seen("A", "person/x", "2026-01-10", "")
		seen("A", "", "2026-02-10", all)
		seen("B", "person/y", "2026-02-11", all)
		l.Clock.Set(day("2026-02-12"))
		do(func(tx *act.Tx) error {
			_, err := record.Add(tx, devices.Register, fields(`{"id":"C","owner":"person/z"}`))
			return err
		})
		seen("B", "person/w", "2026-04-11", "")
		do(func(tx *act.Tx) error {
			_, err := record.Move(tx, devices.Register, "A", record.AnyVersion, "ended", "", fields(`{"ended_how":"Sold"}`))
			return err
		})
		seen("A", "person/thief", "2026-04-12", "")
		var got, listed []string
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			if err := populations.Items(populations.Stored(r), kinds.Derived("device_sightings"), 0, day("2026-01-01"), day("2026-07-01"), func(doc []byte) error {
				var s devices.Sighting
				if err := json.Unmarshal(doc, &s); err != nil {
					return err
				}
				at := "never"
				if s.SeenAt != nil {
					at = s.SeenAt.Format(time.DateOnly)
				}
				got = append(got, s.ID+" "+at)
				return nil
			}); err != nil {
				return err
			}
			_, err := record.List(r, devices.Register, record.Query{}, func(v *record.Version) error {
				var d devices.Device
				if err := json.Unmarshal(v.Doc, &d); err != nil {
					return err
				}
				listed = append(listed, fmt.Sprintf("%s %s %s %v", d.ID, d.Owner, d.State, d.Compliant != nil && *d.Compliant))
				return nil
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(listed)
		if want := []string{"A@2026-Q1 2026-01-10", "B@2026-Q1 2026-02-11", "B@2026-Q2 2026-04-11", "C@2026-Q1 never", "C@2026-Q2 never"}; !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
		if want := []string{"A person/x ended true", "B person/w in_use false", "C person/z in_use false"}; !slices.Equal(listed, want) {
			t.Errorf("%q\nwant %q", listed, want)
		}
		l.Verify(t, kinds)
	})
}
