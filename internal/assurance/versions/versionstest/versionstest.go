// Package versionstest brings controls into force for tests of what tests them.
package versionstest

import (
	"context"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/blob"
)

// People of these tests: none of them owns a control.
var (
	Approver = act.Caller{ID: "local/approver", Roles: []string{"administrator"}}
	Assessor = act.Caller{ID: "local/assessor", Roles: []string{"administrator"}}
)

// InForce adopts controls, since ever, and records that the design of each was
// found effective.
func InForce(t testing.TB, door *act.Door, blobs blob.Store, all ...*controls.Control) {
	t.Helper()
	desk := &versions.Desk{Door: door, Blobs: blobs}
	adopted, own, err := desk.Adopt(context.Background(), Approver, all, nil)
	if err != nil || len(own) > 0 {
		t.Fatalf("adopt: %v, own %v", err, own)
	}
	for _, v := range adopted {
		Assess(t, desk, v.Control, controltests.Effective)
	}
}

// Assess records what the design of a control's latest version was found to be.
func Assess(t testing.TB, desk *versions.Desk, control string, design controltests.Conclusion) {
	t.Helper()
	if _, err := desk.Assess(context.Background(), Assessor, versions.Assessment{
		Control: control, Risk: "something goes wrong", Precision: "one item", Walkthrough: "event/0", Conclusion: design, Reason: "one item was followed",
	}); err != nil {
		t.Fatal(err)
	}
}
