package systems

import (
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// Asset is something that the company runs, uses or has connected. The record's
// instant is when it came on the list. From then on its owner confirms it in every
// quarter, until it is given up.
type Asset struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`
	Owner     string   `json:"owner"`
	System    string   `json:"system,omitempty"`
	Location  string   `json:"location,omitempty"`
	DataClass string   `json:"data_class,omitempty"`
	Handling  string   `json:"handling,omitempty"`
	Flows     []string `json:"flows,omitempty"`
	Scopes    []string `json:"scopes,omitempty"`
	State     string   `json:"state"`

	ListedAt    *time.Time `json:"listed_at,omitempty"`
	ListedBy    string     `json:"listed_by"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty"`
	ConfirmedBy string     `json:"confirmed_by,omitempty"`
	// DueAt is the end of the first quarter that is not confirmed.
	DueAt         *time.Time     `json:"due_at,omitempty"`
	Confirmations []Confirmation `json:"confirmations,omitempty"`

	Ended     string     `json:"ended,omitempty"`
	RetiredAt *time.Time `json:"retired_at,omitempty"`
	RetiredBy string     `json:"retired_by,omitempty"`
}

// Confirmation is that of one quarter: what the owner found right.
type Confirmation struct {
	rounds.Round
	At        time.Time `json:"at" label:"Confirmed at"`
	By        string    `json:"by" label:"Confirmed by" refers:"person"`
	Owner     string    `json:"owner" refers:"person"`
	DataClass string    `json:"data_class,omitempty"`
	Flows     []string  `json:"flows,omitempty"`
	Scopes    []string  `json:"scopes,omitempty"`
}

// Kinds of assets. An integration is an application that was given rights in
// another one.
var Kinds = []string{"machine", "device", "cloud resource", "network", "domain name", "repository", "service", "software", integration}

const (
	integration = "integration"
	kindAsset   = "asset"
)

// Assets describes the register of assets.
var Assets = record.Define[Asset](record.Definition{
	Kind: kindAsset, Register: "assets", Title: "Assets", Singular: "Asset", Prefix: "AST", At: "listed_at", Author: "listed_by",
	Purpose: "Hardware, software and services, each confirmed by its owner every quarter.",
	Version: 2, Migrations: replayed("confirmations", "listed_at"),
	States: []string{InUse, Retired},
	Transitions: []record.Transition{
		{From: InUse, To: InUse, Called: "Confirm", Permission: "asset.confirm", Required: []string{"data_class", "flows"}, Offered: []string{"scopes"}, Stamp: []string{"confirmed_at", "confirmed_by"},
			Guards: []record.Guard{{If: "item.confirmed_by == item.owner", Why: "the owner confirms it, in their own name"}}},
		{From: InUse, To: Retired, Required: []string{"ended"}, Stamp: []string{"retired_at", "retired_by"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Help: "AST-1, AST-2 ...: SCAF gives it, unless the asset comes in a table."},
		{Name: "name", Label: "Name", Section: "Asset", Required: true, Help: "What it is called, so that one finds it."},
		{Name: "kind", Label: "Kind", Required: true, Choices: Kinds, Help: "What it is; an integration is an application that was given rights in another."},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who answers for it and confirms it every quarter, as person/E1001."},
		{Name: "system", Label: "System", Refers: kindSystem, Help: "The system that it belongs to, like system/audit-pipelines."},
		{Name: "location", Label: "Location", Help: "Where it is: a site, a region, an account."},
		{Name: "state", Label: "State"},
		{Name: "data_class", Label: "Class of data", Section: "Data", Choices: Classes, Help: "The class of the most sensitive data that it holds or reaches."},
		{Name: "handling", Label: "Handling", Long: true, Help: "What is to be minded beyond the rules for its class."},
		{Name: "flows", Label: "Data flows", Help: "Where it sends data, each on a line of its own; none, where it sends none."},
		{Name: "scopes", Label: "Rights", Help: "The rights that an integration was given."},
		{Name: "due_at", Label: "Confirmation due", Section: "Confirmation", Given: true, LastDay: true},
		{Name: "confirmed_at", Label: "Confirmed", Given: true},
		{Name: "confirmed_by", Label: "Confirmed by", Given: true},
		{Name: "confirmations", Label: "Confirmations", Given: true},
		{Name: "listed_by", Label: "Listed by", Section: "On the list"},
		{Name: "listed_at", Label: "Listed", Given: true},
		{Name: "ended", Label: "How it was given up", Long: true, Help: "What became of its data, access, secrets, names and medium."},
		{Name: "retired_at", Label: "Retired", Given: true},
		{Name: "retired_by", Label: "Retired by", Given: true},
	},
	Columns: []record.Column{
		{Field: "name", Filter: true, Sort: true},
		{Field: "kind", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "system", Filter: true},
		{Field: "data_class", Filter: true},
		{Field: "state", Filter: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "listed_at", Filter: true, Sort: true},
	},
	Dues:    []record.Due{{Name: "confirm", What: "Confirm the asset", At: "due_at", Owner: "owner", Open: `item.state == "in_use"`}},
	Derived: []record.Derived{{Name: "asset_confirmations", At: "due_at", Item: AssetRound{}, Of: record.OfEach(assetRounds)}},
})

// Validate says what is wrong with an asset.
func (a *Asset) Validate() (wrong []record.FieldError) {
	if len(a.Flows) > 1 && slices.Contains(a.Flows, "none") {
		wrong = append(wrong, record.Wrong("flows", "says none, and names some"))
	}
	if a.Kind != integration && len(a.Scopes) > 0 {
		wrong = append(wrong, record.Wrong("scopes", "are named, and it is no %s", integration))
	}
	wrong = append(append(wrong, few("flows", a.Flows)...), few("scopes", a.Scopes)...)
	return append(wrong, record.Bounded(maxText, "name", a.Name, "location", a.Location, "handling", a.Handling, "ended", a.Ended)...)
}

// Before puts a new asset on the list, and keeps what its owner confirmed: one
// confirmation is for one quarter, the first that is due. Another one in a quarter that
// is confirmed counts for none to come.
func (a *Asset) Before(tx *act.Tx, old any) error {
	now := tx.Now()
	if old == nil {
		a.ListedAt, a.DueAt = &now, rounds.Quarter.First(now)
		return nil
	}
	before := record.As[Asset](old)
	switch {
	case before.State == Retired:
		return record.Refuse("state", "is %s: it stays as it was", Retired)
	case a.State == Retired:
		a.DueAt = nil
	case !record.SameTime(before.ConfirmedAt, a.ConfirmedAt):
		if round, next, ok := rounds.Quarter.Take(a.DueAt, now); ok {
			a.Confirmations = append(a.Confirmations, Confirmation{round, *a.ConfirmedAt, a.ConfirmedBy, a.Owner, a.DataClass, a.Flows, a.Scopes})
			a.DueAt = next
		}
	}
	return nil
}

// AssetRound is the confirmation of an asset that was due in a quarter, done or
// not: the source asset_confirmations.
type AssetRound struct {
	ID          string     `json:"id"` // AST-1@2026-Q1
	Asset       string     `json:"asset"`
	Kind        string     `json:"kind"`
	Owner       string     `json:"owner"`
	DataClass   string     `json:"data_class,omitempty"`
	Flows       []string   `json:"flows,omitempty"`
	Scopes      []string   `json:"scopes,omitempty"`
	DueAt       *time.Time `json:"due_at" day:"last"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty"`
	ConfirmedBy string     `json:"confirmed_by,omitempty"`
}

// assetRounds are the confirmations of an asset that fall due in the interval: those of
// all quarters while it was on the list.
func assetRounds(a *Asset, from, to time.Time, give func(item any) error) error {
	for round := range rounds.Quarter.Due(a.ListedAt, a.RetiredAt, from, to) {
		item := &AssetRound{ID: a.ID + "@" + round.Name, Asset: a.ID, Kind: a.Kind, Owner: a.Owner, DataClass: a.DataClass, DueAt: &round.DueAt}
		if at := slices.IndexFunc(a.Confirmations, func(c Confirmation) bool { return c.Name == round.Name }); at >= 0 {
			c := &a.Confirmations[at]
			item.Owner, item.DataClass, item.Flows, item.Scopes, item.ConfirmedAt, item.ConfirmedBy = c.Owner, c.DataClass, c.Flows, c.Scopes, &c.At, c.By
		}
		if err := give(item); err != nil {
			return err
		}
	}
	return nil
}
