package evidence_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/evidence"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// attach attaches a file to a record and returns its id.
func (w *world) attach(ref, name, content string) string {
	w.t.Helper()
	kind, id, err := w.Kinds.Parse(ref)
	if err != nil {
		w.t.Fatal(err)
	}
	file, err := w.AttachFile(context.Background(), apptest.Operator, kind, id, name, "text/plain", strings.NewReader(content))
	if err != nil {
		w.t.Fatal(err)
	}
	return file.ID
}

// withFiles is a world in which files hang on records of the period and on
// others.
func withFiles(t testing.TB, c config.Config) *world {
	w := usual(t, c)
	w.person("E1", w.period.From.AddDate(-1, 0, 0))
	w.person("E2", w.period.From)
	w.attach("change/c001", "one.txt", "of a change in the period")
	w.attach("change/c002", "same.txt", "of a change in the period") // the same bytes
	w.attach("period/P", "plan.txt", "of the period")
	w.attach("deviation/"+judgments.Subject{Control: "C-1", Test: "titled", Period: "P", Item: "c001"}.ID(), "why.txt", "of what names the period")
	w.attach("person/E1", "old.txt", "of somebody who came before it")
	w.attach("person/E2", "new.txt", "of somebody who came in it")
	gone := w.attach("change/c001", "gone.txt", "taken off again")
	kind, _, err := w.Kinds.Parse("change/c001")
	if err == nil {
		_, err = w.DetachFile(context.Background(), apptest.Operator, kind, "c001", gone)
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) person(id string, joined time.Time) {
	w.t.Helper()
	kind, _, err := w.Kinds.Parse("person/" + id)
	if err == nil {
		_, err = w.AddRecord(context.Background(), apptest.Operator, kind, object(w.t, `{"id":"`+id+`","name":"N","joined_at":"`+joined.UTC().Format(time.RFC3339)+`"}`))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func object(t testing.TB, text string) (fields map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// Files that hang on records of the period are in its bundle, byte for byte.
func TestAttachedFilesAreInTheBundle(t *testing.T) {
	for name, c := range map[string]func(testing.TB) config.Config{
		"sqlite":   func(testing.TB) config.Config { return config.Config{} },
		"postgres": func(t testing.TB) config.Config { return config.Config{Database: apptest.Postgres(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			w := withFiles(t, c(t))
			bundle, written := w.export()
			var held []string
			for _, f := range unpack(t, bundle) {
				if hash, ok := strings.CutPrefix(f.name, "attachments/"); ok {
					if sum(f.data) != hash {
						t.Errorf("%s holds %q", f.name, f.data)
					}
					held = append(held, string(f.data))
				}
			}
			slices.Sort(held)
			want := []string{"of a change in the period", "of somebody who came in it", "of the period", "of what names the period"}
			if !slices.Equal(held, want) || written.LeftOut != 0 {
				t.Errorf("the bundle holds %q, want %q; %d left out", held, want, written.LeftOut)
			}
			verified, err := verify(bundle, check(w.VerifierKey))
			if err != nil || len(verified.Differences) > 0 || verified.LeftOut != 0 {
				t.Errorf("%v %+v", err, verified)
			}
		})
	}
}

// A bundle whose maker left out an attached file, put another one in its place or
// added one is named as such, though the ledger vouches for its manifest.
func TestAttachedFilesThatAreNotThoseOfTheLedgerAreNamed(t *testing.T) {
	w := withFiles(t, config.Config{})
	bundle, _ := w.export()
	files := unpack(t, bundle)
	at := find(t, files, "attachments/")
	other := slices.Clone(files)
	other[at].data = []byte("something else")
	for name, c := range map[string]struct {
		files []file
		says  string
	}{
		"as exported": {files, ""},
		"left out":    {slices.Delete(slices.Clone(files), at, at+1), files[at].name + " is left out"},
		"another":     {other, files[at].name + " has another SHA-256 than its name says"},
		"added":       {slices.Insert(slices.Clone(files), at, file{"attachments/" + sum([]byte("x")), []byte("x")}), "attachments/" + sum([]byte("x")) + " belongs to nothing"},
	} {
		verified, err := verify(pack(t, w.vouched(c.files)), check(w.VerifierKey))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if all := strings.Join(verified.Differences, "\n"); (c.says == "") != (all == "") || !strings.Contains(all, c.says) {
			t.Errorf("%s: %q, want %q", name, all, c.says)
		}
	}
}

// vouched writes a manifest that fits the files and records it as whoever holds
// the key could.
func (w *world) vouched(files []file) []file {
	w.t.Helper()
	ctx := context.Background()
	out := relisted(w.t, files)
	m := manifestOf(w.t, out)
	receipts, err := w.Door.Do(ctx, apptest.Operator, "test", "test", func(tx *act.Tx) error {
		_, err := tx.Event(act.Event{Type: evidence.ExportedType, Subject: "period/P", Data: evidence.Exported{
			Period: "P", Format: evidence.Format, Checkpoint: m.Checkpoint, Manifest: sum(out[len(out)-2].data),
		}})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	anchor := map[string]any{}
	if err := w.DB.Read(ctx, func(r *store.Reader) error {
		proof, err := ledger.Prove(r, receipts[0].Index)
		if err != nil {
			return err
		}
		path, _, err := ledger.ProveConsistency(r, m.Checkpoint.Size)
		consistency := []string{}
		for _, hash := range path {
			consistency = append(consistency, hex.EncodeToString(hash[:]))
		}
		anchor["proof"], anchor["consistency_proof"] = proof, consistency
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	if out[len(out)-1].data, err = record.Canonical(anchor); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// What there is no room for is counted: the first file that does not fit, and
// all after it.
func TestAttachedFilesAreBounded(t *testing.T) {
	w := withFiles(t, config.Config{})
	for limit, want := range map[int64]string{
		0:       "[] 5",
		25:      "[one.txt] 4",
		60:      "[one.txt same.txt] 3",
		63:      "[one.txt same.txt plan.txt] 2",
		1 << 20: "[one.txt same.txt plan.txt why.txt new.txt] 0",
	} {
		if err := w.DB.Read(t.Context(), func(r *store.Reader) error {
			files, left, err := evidence.Attachments(populations.Stored(r), &w.period, limit)
			names := []string{}
			for i := range files {
				names = append(names, files[i].Value.Name)
			}
			if got := fmt.Sprint(names, left); got != want {
				t.Errorf("%d bytes: %s, want %s", limit, got, want)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}
