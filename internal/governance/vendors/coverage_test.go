package vendors_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/record"
)

// documents are those of a past, by kind.
type documents map[string][]any

func (documents) Memo() *sync.Map { return nil }

func (documents) Happened(string, time.Time, time.Time, func(record.Fact) error) error { return nil }

func (d documents) Documents(kind string, _, _ time.Time, visit func(json.RawMessage) error) error {
	for _, one := range d[kind] {
		doc, err := json.Marshal(one)
		if err == nil {
			err = visit(doc)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// day is the nth of 2026, from 0.
func day(n int) *time.Time {
	at := time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC)
	return &at
}

// covers are the items of the source, of the whole year.
func covers(t testing.TB, v *vendors.Vendor, contracts ...*vendors.Contract) (all []*vendors.Cover) {
	t.Helper()
	past := documents{"vendor": {v}}
	for i, c := range contracts {
		c.ID, c.Vendor, c.Owner, c.ConfirmedBy = fmt.Sprintf("CON-%d", i+1), "vendor/"+v.ID, "person/o", "person/c"
		past["vendor_contract"] = append(past["vendor_contract"], c)
	}
	source := record.Kinds{vendors.Register}.Derived("vendor_coverage")
	if err := source.Items(past, *day(0), *day(365), func(item any) error {
		all = append(all, item.(*vendors.Cover)) //nolint:forcetypeassert // a test
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFromWhenAVendorIsBoundByAContract(t *testing.T) {
	contract := func(state string, signed, begins int, ends, ended *time.Time) *vendors.Contract {
		return &vendors.Contract{State: state, SignedAt: day(signed), BeginsAt: day(begins), EndsAt: ends, EndedAt: ended}
	}
	used := vendors.Vendor{ID: "VEN-1", State: vendors.InUse, Tier: "high", Data: []string{"personal"}, UsedFrom: day(30), ApproveBy: day(30), ApprovedAt: day(20)}
	with := func(change func(v *vendors.Vendor)) vendors.Vendor {
		v := used
		change(&v)
		return v
	}
	for name, c := range map[string]struct {
		v         vendors.Vendor
		contracts []*vendors.Contract
		want      string
	}{
		"none":                       {used, nil, "contract 01-31 missing"},
		"a draft":                    {used, []*vendors.Contract{contract("draft", 20, 25, nil, nil)}, "contract 01-31 missing"},
		"withdrawn":                  {used, []*vendors.Contract{contract("withdrawn", 20, 25, nil, nil)}, "contract 01-31 missing"},
		"in force":                   {used, []*vendors.Contract{contract("in_force", 20, 25, nil, nil)}, "contract 01-31 CON-1 01-26"},
		"from that day on":           {used, []*vendors.Contract{contract("in_force", 20, 30, nil, nil)}, "contract 01-31 CON-1 01-31"},
		"signed later":               {used, []*vendors.Contract{contract("in_force", 40, 25, nil, nil)}, "contract 01-31 CON-1 02-10"},
		"over before":                {used, []*vendors.Contract{contract("ended", 1, 2, nil, day(28))}, "contract 01-31 missing"},
		"ends while it is used":      {used, []*vendors.Contract{contract("in_force", 20, 25, day(89), nil)}, "contract 01-31 CON-1 01-26, 2026-04-01 04-01 missing"},
		"ended sooner":               {used, []*vendors.Contract{contract("ended", 20, 25, day(89), day(58))}, "contract 01-31 CON-1 01-26, 2026-03-01 03-01 missing"},
		"followed at once":           {used, []*vendors.Contract{contract("in_force", 20, 25, day(89), nil), contract("in_force", 80, 90, nil, nil)}, "contract 01-31 CON-1 01-26"},
		"followed late":              {used, []*vendors.Contract{contract("in_force", 20, 25, day(89), nil), contract("in_force", 80, 92, nil, nil)}, "contract 01-31 CON-1 01-26, 2026-04-01 04-01 CON-2 04-03"},
		"the use ends before":        {with(func(v *vendors.Vendor) { v.State, v.EndedAt = vendors.Ended, day(80) }), []*vendors.Contract{contract("ended", 20, 25, nil, day(89))}, "contract 01-31 CON-1 01-26"},
		"the use ends after":         {with(func(v *vendors.Vendor) { v.State, v.EndedAt = vendors.Ended, day(100) }), []*vendors.Contract{contract("ended", 20, 25, nil, day(89))}, "contract 01-31 CON-1 01-26, 2026-04-01 04-01 missing"},
		"used before the register":   {with(func(v *vendors.Vendor) { v.UsedFrom, v.ApproveBy = day(-900), day(50) }), []*vendors.Contract{contract("in_force", 45, 46, nil, nil)}, "contract 01-21 CON-1 02-16"},
		"said to end, and used":      {with(func(v *vendors.Vendor) { v.EndedAt = day(30) }), nil, "contract 01-31 missing"},
		"bound later":                {with(func(v *vendors.Vendor) { v.BoundFrom = day(60) }), []*vendors.Contract{contract("in_force", 20, 25, day(50), nil)}, "contract 03-02 missing"},
		"bound later, by a contract": {with(func(v *vendors.Vendor) { v.BoundFrom = day(60) }), []*vendors.Contract{contract("in_force", 55, 60, nil, nil)}, "contract 03-02 CON-1 03-02"},
		"not used yet":               {with(func(v *vendors.Vendor) { v.State = vendors.Approved }), nil, ""},
		"low, of what is public":     {with(func(v *vendors.Vendor) { v.Tier, v.Data = "low", []string{"public"} }), nil, ""},
		"low, of what is ours":       {with(func(v *vendors.Vendor) { v.Tier, v.Data = "low", []string{"public", "internal"} }), nil, "contract 01-31 missing"},
		"critical, and sees no data": {with(func(v *vendors.Vendor) { v.Tier, v.Data = "critical", []string{"none"} }), nil, "contract 01-31 missing"},
	} {
		var got []string
		for _, item := range covers(t, &c.v, c.contracts...) {
			_, which, _ := strings.Cut(item.ID, "@")
			which, _, _ = strings.Cut(which, "T")
			bound := "missing"
			if item.BoundAt != nil {
				bound = strings.TrimPrefix(item.Contract, "vendor_contract/") + " " + item.BoundAt.Format("01-02")
			}
			got = append(got, which+" "+item.From.Format("01-02")+" "+bound)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Whatever contracts there are: a day of a vendor's use on which none binds is one on which an
// item is missing or late, and no other day is.
func TestEachDayWithoutAContractIsSeen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := func(name string) int { return rapid.IntRange(0, 60).Draw(rt, name) }
		maybe := func(name string) *time.Time {
			if !rapid.Bool().Draw(rt, name+" is said") {
				return nil
			}
			return day(at(name))
		}
		begun := at("use")
		v := &vendors.Vendor{ID: "VEN-1", State: vendors.InUse, Tier: "high", UsedFrom: day(begun), ApproveBy: day(begun), ApprovedAt: day(begun), EndedAt: maybe("end of use")}
		var contracts []*vendors.Contract
		for range rapid.IntRange(0, 4).Draw(rt, "contracts") {
			contracts = append(contracts, &vendors.Contract{
				State:    rapid.SampledFrom([]string{"draft", "in_force", "ended", "withdrawn"}).Draw(rt, "state"),
				SignedAt: day(at("signed")), BeginsAt: day(at("begins")), EndsAt: maybe("ends"), EndedAt: maybe("ended"),
			})
		}
		items := covers(t, v, contracts...)
		for n := begun; n < 70; n++ {
			now := *day(n)
			if v.EndedAt != nil && !now.Before(*v.EndedAt) {
				break
			}
			bound := slices.ContainsFunc(contracts, func(c *vendors.Contract) bool {
				return (c.State == "in_force" || c.State == "ended") && !c.BeginsAt.After(now) && !c.SignedAt.After(now) &&
					(c.EndsAt == nil || !now.After(*c.EndsAt)) && (c.State != "ended" || c.EndedAt == nil || !now.After(*c.EndedAt))
			})
			var last *vendors.Cover
			for _, item := range items {
				if !item.DueAt.After(now) {
					last = item
				}
			}
			if seen := last == nil || last.BoundAt == nil || last.BoundAt.After(now); seen == bound {
				rt.Fatalf("on %s a contract binds it: %v, and the items say %+v", now.Format(time.DateOnly), bound, last)
			}
		}
	})
}
