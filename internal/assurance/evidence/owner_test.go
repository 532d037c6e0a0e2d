package evidence_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// Where a control file names its owner by words, whoever held them as a title
// when it was decided is the owner: for the command that decides, and for whoever
// verifies the bundle, whatever their title is by then.
func TestOwnersByTitleAreThoseOfTheMoment(t *testing.T) {
	w, ctx := newWorld(t, config.Config{}), context.Background()
	w.person("E1", w.period.From)
	kind, _, err := w.Kinds.Parse("person/E1")
	if err != nil {
		t.Fatal(err)
	}
	titled := func(title string) {
		t.Helper()
		if _, err := w.SetRecord(ctx, apptest.Operator, kind, "E1", record.AnyVersion, object(t, `{"title":"`+title+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	e1 := act.Caller{ID: "person/E1", Roles: []string{"administrator"}, By: "local/test"}
	adopt := func(id string) (own []string) {
		t.Helper()
		control := *w.control
		control.ID, control.Owner = id, "people lead"
		_, own, err := w.VersionDesk().Adopt(ctx, e1, []*controls.Control{&control}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return own
	}
	forge := func(id string) {
		t.Helper()
		w.forge(e1, versions.Register, id+".1", func(json.RawMessage) any {
			now := w.Manual.Now()
			return versions.Version{ID: id + ".1", Control: id, Number: 1, Owner: "people lead", SHA256: strings.Repeat("e", 64), State: versions.Approved,
				ProposedBy: versions.Catalog, ProposedAt: now, ApprovedBy: e1.ID, ApprovedVia: e1.By, ApprovedAt: &now}
		})
	}
	if own := adopt("C-2"); len(own) != 0 {
		t.Errorf("without the title: %v", own)
	}
	titled("People Lead")
	if own := adopt("C-3"); !slices.Equal(own, []string{"C-3"}) {
		t.Errorf("with the title: %v", own)
	}
	forge("C-4")
	titled("Engineer")
	if own := adopt("C-5"); len(own) != 0 {
		t.Errorf("without the title again: %v", own)
	}
	titled("people lead")
	if _, err := w.MoveRecord(ctx, apptest.Operator, kind, "E1", record.AnyVersion, "on_leave", nil); err != nil {
		t.Fatal(err)
	}
	if own := adopt("C-6"); len(own) != 0 {
		t.Errorf("not active: %v", own)
	}
	bundle, _ := w.export()
	verified, err := verify(bundle, check(w.VerifierKey))
	if err != nil {
		t.Fatal(err)
	}
	if len(verified.Differences) != 1 || !strings.Contains(verified.Differences[0], "control_version/C-4.1") || !strings.Contains(verified.Differences[0], "person/E1 is the owner of C-4, and cannot adopt it alone") {
		t.Errorf("%q, want the adoption of C-4 alone", verified.Differences)
	}
}
