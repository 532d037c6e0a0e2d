package record_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

type referrer struct {
	ID   string   `json:"id"`
	Text string   `json:"text,omitempty"`
	Refs []string `json:"refs,omitempty"`
}

// Who refers to something in a list is found among all documents, while they come and
// change; what was given before stays as it was.
func TestReferring(t *testing.T) {
	kind := record.Define[referrer](record.Definition{Kind: "referrer", Register: "referrers", Title: "Referrers"})
	ledgertest.EachOf(t, record.Kinds{kind}, func(t *testing.T, l *ledgertest.Ledger) {
		ctx, docs, versions, found := context.Background(), map[string]referrer{}, map[string]int{}, 0
		targets := []string{"vendor/A", "vendor/B", "odd \"\\\u2028"}
		var given, was []string
		rapid.Check(t, func(t *rapid.T) {
			for range rapid.IntRange(0, 4).Draw(t, "changes") {
				doc := referrer{
					ID: fmt.Sprintf("r%d", rapid.IntRange(0, 20).Draw(t, "id")), Text: rapid.SampledFrom(targets).Draw(t, "text"),
					Refs: rapid.SliceOfN(rapid.SampledFrom(targets), 0, 3).Draw(t, "refs"),
				}
				switch _, err := l.Do(ctx, ledgertest.Operator, "test", "referrers", func(tx *act.Tx) error {
					_, err := record.Put(tx, kind, record.Change{Verb: "written", ID: doc.ID, Doc: doc, Expect: versions[doc.ID]})
					return err
				}); {
				case err == nil:
					versions[doc.ID]++
					docs[doc.ID] = doc
				case !errors.Is(err, record.ErrSame):
					t.Fatal(err)
				}
			}
			if err := l.DB.Read(ctx, func(r *store.Reader) error {
				for _, target := range targets {
					var want []string
					for id, doc := range docs {
						if slices.Contains(doc.Refs, target) {
							want = append(want, id)
						}
					}
					slices.Sort(want)
					got, err := record.Referring(r, kind, "refs", target)
					if err != nil || !slices.Equal(got, want) {
						t.Fatalf("%q: %v, want %v (%v)", target, got, want, err)
					}
					found += len(got)
					if target == targets[0] {
						if !slices.Equal(given, was) {
							t.Fatalf("what was given has changed: %v, was %v", given, was)
						}
						given, was = got, slices.Clone(got)
					}
				}
				_, err := record.Referring(r, kind, "text", targets[0])
				if !errors.Is(err, record.ErrFilter) {
					t.Fatalf("a text is a list: %v", err)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
		if found == 0 {
			t.Error("nothing was found")
		}
	})
}

// Readers at the same time do not read what is changed (the race detector says so).
func TestReferringAtTheSameTime(t *testing.T) {
	kind := record.Define[referrer](record.Definition{Kind: "referrer", Register: "referrers", Title: "Referrers"})
	ledgertest.EachOf(t, record.Kinds{kind}, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := context.Background()
		var group errgroup.Group
		for range 4 {
			group.Go(func() error {
				for n := 0; n < 20; {
					if err := l.DB.Read(ctx, func(r *store.Reader) error {
						ids, err := record.Referring(r, kind, "refs", "vendor/A")
						n = len(ids)
						return err
					}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for i := range 20 {
			if _, err := l.Do(ctx, ledgertest.Operator, "test", "referrers", func(tx *act.Tx) error {
				_, err := record.Put(tx, kind, record.Change{Verb: "written", ID: fmt.Sprintf("r%02d", i), Doc: referrer{ID: fmt.Sprintf("r%02d", i), Refs: []string{"vendor/A"}}})
				return err
			}); err != nil {
				t.Error(err)
			}
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	})
}
