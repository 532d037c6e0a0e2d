package surface

import (
	"encoding/json"
	"slices"
	"time"

	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// unheld is how long an acknowledgment may have been sent to the HR system before it has been
// read back: a week in which that is tried every day.
const unheld = 7 * 24 * time.Hour

// heldOtherwise tells whoever keeps the registers that the HR system does not hold what was
// acknowledged. While it stays the same that differs, nobody is told again.
func heldOtherwise(a *audience, e *ledger.Event) ([]notifications.Note, error) {
	id, found, err := current[hris.Reconciliation](a.r, e)
	if found == nil || err != nil || found.Differences == 0 {
		return nil, err
	}
	before := &hris.Reconciliation{}
	if err := record.Each(a.r, record.Range{Kind: hris.Reconciliations.Name, From: found.At.AddDate(0, -1, 0), To: found.At}, func(v *record.Version) error {
		before = &hris.Reconciliation{}
		return json.Unmarshal(v.Doc, before)
	}); err != nil {
		return nil, err
	}
	if found.Differences <= before.Differences && !slices.ContainsFunc(found.Listed, func(d hris.Difference) bool { return !slices.Contains(before.Listed, d) }) {
		return nil, nil
	}
	n := told{notifications.Note{Cause: causeOf(e), Kind: notifications.Job, About: e.Subject}}
	err = n.write("hris differs", map[string]any{"Source": found.Source, "Differences": found.Differences, "Here": found.Here})
	return a.toOrganization(n.Note, page(hris.Reconciliations, id)), err
}

// unreconciled tells of acknowledgments that the HR system took, and of which nobody has read
// back for a week whether it holds them.
func (a *audience) unreconciled(now time.Time) ([]notifications.Note, error) {
	if a.s.Config.HRIS == nil || a.s.Demonstration() {
		return nil, nil
	}
	since, err := reconciledLast(a.r)
	if err != nil {
		return nil, err
	}
	sent := 0
	if err := record.Each(a.r, record.Range{Kind: hris.Deliveries.Name, From: since, To: now.Add(-unheld)}, func(v *record.Version) error {
		var d hris.Delivery
		err := json.Unmarshal(v.Doc, &d)
		if d.State == hris.Sent {
			sent++
		}
		return err
	}); err != nil || sent == 0 {
		return nil, err
	}
	n := told{notifications.Note{Cause: "hris unreconciled since " + since.UTC().Format(time.RFC3339), Kind: notifications.Job, About: hris.Reconciliations.Register}}
	last := ""
	if !since.IsZero() {
		last = a.s.day(since)
	}
	err = n.write("hris unreconciled", map[string]any{"Sent": sent, "Last": last, "Reads": a.s.Config.HRIS.ReadFrom != ""})
	return a.toOrganization(n.Note, place{"/r/" + hris.Reconciliations.Register, "record.read"}), err
}

// reconciledLast is when the acknowledgments were last compared; zero: never.
func reconciledLast(r *store.Reader) (at time.Time, err error) {
	_, err = record.List(r, hris.Reconciliations, record.Query{Sort: "-at", Limit: 1}, func(v *record.Version) error {
		var last hris.Reconciliation
		err := json.Unmarshal(v.Doc, &last)
		at = last.At
		return err
	})
	return at, err
}
