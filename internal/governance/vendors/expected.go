package vendors

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// toReport is within how many days a first report of a vendor is read that our service stands on.
const toReport = 90

// unreported is the filter of the vendors of which a report is still to be read.
const unreported = `item.state == "in_use" && item.tier == "critical" && !has(item.report_read_at) && !has(item.no_report_at)`

// expect says by when a report of the vendor is read that is used from an instant, where our
// service stands on it and nobody has said that it gives none. What has fallen due stands:
// who says so afterwards, or takes the vendor for less, was late.
func (v *Vendor) expect(tx *act.Tx, from time.Time) error {
	expected := v.State == InUse && v.Tier == TierCritical && v.NoReportReason == ""
	switch due := from.AddDate(0, 0, toReport); {
	case expected && v.ReportDueAt == nil:
		v.ReportDueAt = &due
		return v.settle(&tx.Reader, nil)
	case !expected && v.ReportDueAt != nil && v.Report == "" && tx.Now().Before(*v.ReportDueAt):
		v.ReportDueAt = nil
	}
	return nil
}

// fresh is for how long after the last day of which a report speaks a reading of it counts, as
// VND-04 has it.
const fresh = 366 * 24 * time.Hour

// settle says which report of the vendor was read first, from a year before it was asked for
// on: what was read to let it in counts. One that was too old when it was read does not. One
// that is read again counts from its first reading. Changed is one that is about to be
// written; nil: none.
func (v *Vendor) settle(r *store.Reader, changed *Report) error {
	v.Report, v.ReportReadAt, v.ReportReader, v.ReportCoversTo = "", nil, "", nil
	var read []*Report
	if changed != nil && changed.State == "read" {
		read = append(read, changed)
	}
	if _, err := record.List(r, Reports, record.Query{Filter: fmt.Sprintf(`item.vendor == %q && item.state == "read"`, kindVendor+"/"+v.ID)}, func(version *record.Version) error {
		one := &Report{}
		err := json.Unmarshal(version.Doc, one)
		if changed == nil || one.ID != changed.ID {
			read = append(read, one)
		}
		return err
	}); err != nil {
		return err
	}
	since := v.ReportDueAt.AddDate(-again, 0, -toReport)
	for _, now := range read {
		readings, err := now.readings(r)
		if err != nil {
			return err
		}
		for _, one := range readings {
			// What was too old stays so when another period is said later.
			if one.ReadAt.Before(since) || !one.freshAt(*one.ReadAt) || !now.freshAt(*one.ReadAt) || v.ReportReadAt != nil && !one.ReadAt.Before(*v.ReportReadAt) {
				continue
			}
			v.Report, v.ReportReadAt, v.ReportReader, v.ReportCoversTo = kindReport+"/"+now.ID, one.ReadAt, one.Reader, now.speaks()
		}
	}
	return nil
}

// readings are the versions of a report that is read in which it was, of the same vendor.
func (r *Report) readings(reader *store.Reader) (all []*Report, err error) {
	versions, err := record.History(reader, kindReport, r.ID)
	if err != nil {
		return nil, err
	}
	for _, version := range versions {
		one := &Report{}
		if err := json.Unmarshal(version.Doc, one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return slices.DeleteFunc(append(all, r), func(one *Report) bool {
		return one.State != "read" || one.ReadAt == nil || one.Vendor != r.Vendor
	}), nil
}

// freshAt reports whether a reading of the report at an instant counts.
func (r *Report) freshAt(at time.Time) bool {
	until := r.speaks()
	return until != nil && !at.After(until.Add(fresh))
}

// ExpectReports asks for a first report of the vendors that were used before reports were
// asked for, from now on, and says of how many.
func ExpectReports(ctx context.Context, door *act.Door, caller act.Caller) (int, error) {
	if err := door.Check(ctx, caller, "vendor.watch", Register.Register); err != nil {
		return 0, err
	}
	var ids []string
	if err := door.DB.Read(ctx, func(r *store.Reader) error {
		_, err := record.List(r, Register, record.Query{Filter: unreported + ` && !has(item.report_due_at)`}, func(version *record.Version) error {
			ids = append(ids, version.ID)
			return nil
		})
		return err
	}); err != nil || len(ids) == 0 {
		return 0, err
	}
	return record.InBatches(ctx, door, caller, "vendor.watch", Register.Register, Register, ids, func(tx *act.Tx, batch []string) (changes []record.Change, err error) {
		for _, id := range batch {
			v, version, err := record.Load[Vendor](&tx.Reader, Register, id)
			if err != nil {
				return nil, err
			}
			if err := v.expect(tx, tx.Now()); err != nil {
				return nil, err
			}
			changes = append(changes, record.Change{Verb: "expected", ID: id, Doc: v, Expect: version})
		}
		return changes, nil
	})
}
