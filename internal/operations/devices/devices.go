// Package devices holds the registers of the devices that reach company data: what
// they are, in what state they were seen, and what was found on them that should not
// be there.
package devices

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// Device is a computer or telephone with an owner. The record's instant is when it
// came on the list, by hand or because a posture named it.
type Device struct {
	ID         string     `json:"id"` // its number on the label, or in the device management
	Name       string     `json:"name,omitempty"`
	Platform   string     `json:"platform,omitempty"`
	Owner      string     `json:"owner"`
	State      string     `json:"state"`
	ListedAt   *time.Time `json:"listed_at,omitempty"`
	LastSeenAt *time.Time `json:"last_seen_at,omitempty"`
	// Compliant is what the latest posture says; nil where there is none.
	Compliant *bool      `json:"compliant,omitempty"`
	Posture   string     `json:"posture,omitempty"` // the latest
	EndedHow  string     `json:"ended_how,omitempty"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}

// States of a device.
const (
	InUse = "in_use"
	Ended = "ended"
)

const kindPerson = "person"

// Register describes the register of devices.
var Register = record.Define[Device](record.Definition{
	Kind: "device", Register: "devices", Title: "Devices", Singular: "Device", At: "listed_at",
	Purpose: "Computers and telephones that reach company data, and whose they are.",
	States:  []string{InUse, Ended},
	Transitions: []record.Transition{
		{From: InUse, To: Ended, Required: []string{"ended_how"}, NotBy: []string{"owner"}, Stamp: []string{"ended_at"}},
		{From: Ended, To: InUse},
	},
	Settled: []record.Settled{{States: []string{Ended}}},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Device", Required: true, Help: "The number on its label, or in the device management, without spaces."},
		{Name: "name", Label: "Name", Help: "What people call it."},
		{Name: "platform", Label: "Platform", Help: "Its system and version, such as macOS 15."},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Leavers: true, Help: "Whom it was handed out to, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "last_seen_at", Label: "Last seen", Section: "State of the device", Given: true},
		{Name: "compliant", Label: "As it should be", Given: true, Help: "What the latest posture says."},
		{Name: "posture", Label: "Latest posture", Given: true, Refers: "device_posture"},
		{Name: "listed_at", Label: "Listed", Given: true},
		{Name: "ended_how", Label: "How it ended", Long: true, Help: "What became of it: returned and wiped, lost and wiped from afar, scrapped."},
		{Name: "ended_at", Label: "Ended", Given: true},
	},
	Columns: []record.Column{
		{Field: "name", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "platform", Filter: true},
		{Field: "compliant", Filter: true},
		{Field: "state", Filter: true},
		{Field: "last_seen_at", Filter: true, Sort: true},
		{Field: "listed_at", Filter: true, Sort: true},
	},
	Derived: []record.Derived{{Name: "device_sightings", At: "due_at", Item: Sighting{}, Items: sightings}},
})

const (
	maxID   = 200
	maxText = 2000 // bytes
)

// Validate says what is wrong with a device.
func (d *Device) Validate() []record.FieldError {
	return append(named(d.ID), record.Bounded(maxText, "name", d.Name, "platform", d.Platform, "ended_how", d.EndedHow)...)
}

// Before puts a new device on the list.
func (d *Device) Before(tx *act.Tx, old any) error {
	if old == nil {
		now := tx.Now()
		d.ListedAt = &now
	}
	return nil
}

// Compute takes out of a device that is in use how it ended before.
func (d *Device) Compute() {
	if d.State == InUse {
		d.EndedHow, d.EndedAt = "", nil
	}
}

// Posture is the state in which a device was seen, as the device management says
// it. Whatever it does not say is not known, and nothing that is not known is as it
// should be.
type Posture struct {
	ID                string     `json:"id"`
	Device            string     `json:"device"`
	Owner             string     `json:"owner,omitempty"`
	DiskEncrypted     *bool      `json:"disk_encrypted,omitempty"`
	ScreenLock        *bool      `json:"screen_lock,omitempty"`
	UpdatesCurrent    *bool      `json:"updates_current,omitempty"`
	ProtectionRunning *bool      `json:"protection_running,omitempty"`
	RemovableMedia    string     `json:"removable_media,omitempty"`
	Note              string     `json:"note,omitempty"`
	Compliant         bool       `json:"compliant"`
	SeenAt            *time.Time `json:"seen_at,omitempty"`
}

// Postures describes the register of postures: rows of a table that the device
// management gives.
var Postures = record.Define[Posture](record.Definition{
	Kind: "device_posture", Mirror: true, Register: "device_postures", Title: "Device postures", Singular: "Device posture", At: "seen_at",
	Purpose: "In what state devices were seen: encryption, screen lock, patches.",
	Comes:   "They come from the device management: by import or API.",
	Fixed:   []string{"device", "owner", "disk_encrypted", "screen_lock", "updates_current", "protection_running", "removable_media", "seen_at"},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Posture", Required: true, Help: "That of the reading: one for each device and time, such as LAP-7@2026-03-01."},
		{Name: "device", Label: "Device", Required: true, Help: "Its number. One that is not in the register of devices comes into it."},
		{Name: "owner", Label: "Owner", Refers: kindPerson, Leavers: true, Help: "Whom it was handed out to, as person/E1001; empty: as in the register."},
		{Name: "seen_at", Label: "Seen", Required: true, Happened: true, Help: "When it was seen in this state."},
		{Name: "disk_encrypted", Label: "Disk encrypted", Section: "State of the device", Help: "Whether its disk is encrypted."},
		{Name: "screen_lock", Label: "Screen lock", Help: "Whether its screen locks by itself."},
		{Name: "updates_current", Label: "Updates current", Help: "Whether its patches are current."},
		{Name: "protection_running", Label: "Malware protection", Help: "Whether its malware protection runs."},
		{Name: "removable_media", Label: "Removable media", Choices: []string{"blocked", "encrypted", "free"}, Help: "What it does with removable media."},
		{Name: "note", Label: "Note", Help: "What else is to be known."},
		{Name: "compliant", Label: "As it should be", Computed: true, Help: "All of it is as the policy wants it."},
	},
	Columns: []record.Column{
		{Field: "device", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "compliant", Filter: true},
		{Field: "seen_at", Filter: true, Sort: true},
	},
})

// Compute says whether all is as it should be.
func (p *Posture) Compute() {
	yes := func(b *bool) bool { return b != nil && *b }
	p.Compliant = yes(p.DiskEncrypted) && yes(p.ScreenLock) && yes(p.UpdatesCurrent) && yes(p.ProtectionRunning) &&
		(p.RemovableMedia == "blocked" || p.RemovableMedia == "encrypted")
}

// Validate says what is wrong with a posture.
func (p *Posture) Validate() (wrong []record.FieldError) {
	wrong = named(p.ID)
	if len(p.Device) > maxID || strings.ContainsAny(p.Device, " \t\r\n\x00/") {
		wrong = append(wrong, record.Wrong("device", "%q is the number of a device: 1 to %d characters, no space and no slash", p.Device, maxID))
	}
	return append(wrong, record.Bounded(maxText, "note", p.Note)...)
}

// Consult refuses the posture of a device of which nobody knows whose it is.
func (p *Posture) Consult(r *store.Reader, old any) error {
	if old != nil || p.Owner != "" {
		return nil
	}
	_, err := record.Get(r, Register.Name, p.Device)
	if errors.Is(err, record.ErrNone) {
		return record.Refuse("owner", "is missing, and %s is not in the register of devices", p.Device)
	}
	return err
}

// Before brings the device up to date, or into the register: what is found is
// listed. The owner is the register's where the posture names none.
func (p *Posture) Before(tx *act.Tx, old any) error {
	if old != nil {
		return nil
	}
	d, version := &Device{ID: p.Device, Owner: p.Owner, State: InUse}, 0
	v, err := record.Get(&tx.Reader, Register.Name, p.Device)
	switch {
	case errors.Is(err, record.ErrNone):
		now := tx.Now()
		d.ListedAt = &now
	case err != nil:
		return err
	default:
		version = v.Version
		if err := json.Unmarshal(v.Doc, d); err != nil {
			return err
		}
	}
	p.Owner = cmp.Or(p.Owner, d.Owner)
	if d.LastSeenAt != nil && !p.SeenAt.After(*d.LastSeenAt) || d.State == Ended {
		return nil // an older reading, or one of a device that is gone
	}
	d.LastSeenAt, d.Compliant, d.Posture, d.Owner = p.SeenAt, &p.Compliant, Postures.Name+"/"+p.ID, p.Owner
	_, err = record.Put(tx, Register, record.Change{Verb: "seen", ID: d.ID, Doc: d, Expect: version})
	return err
}

// Sighting is that a device should be seen once a quarter, at least: the source
// device_sightings.
type Sighting struct {
	ID     string     `json:"id"` // LAP-7@2026-Q1
	Device string     `json:"device"`
	Owner  string     `json:"owner"`
	DueAt  *time.Time `json:"due_at" day:"last"`
	SeenAt *time.Time `json:"seen_at,omitempty"`
}

// sightings are the quarters of every device while it was in use that end in the
// interval, each with the first time at which it was seen.
func sightings(past record.Past, from, to time.Time, give func(item any) error) error {
	first := map[string]time.Time{}
	begin := from
	if !from.IsZero() {
		begin = from.AddDate(0, -3, 0) // the quarter that ends first may have begun then
	}
	if err := past.Documents("device_posture", begin, to, func(doc json.RawMessage) error {
		p := &Posture{}
		if err := json.Unmarshal(doc, p); err != nil {
			return err
		}
		key := p.Device + "@" + rounds.Quarter.At(*p.SeenAt).Name
		if at, there := first[key]; !there || p.SeenAt.Before(at) {
			first[key] = *p.SeenAt
		}
		return nil
	}); err != nil {
		return err
	}
	return past.Documents("device", time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		d := &Device{}
		if err := json.Unmarshal(doc, d); err != nil {
			return err
		}
		for round := range rounds.Quarter.Due(d.ListedAt, d.EndedAt, from, to) {
			item := &Sighting{ID: d.ID + "@" + round.Name, Device: d.ID, Owner: d.Owner, DueAt: &round.DueAt}
			if at, there := first[item.ID]; there {
				item.SeenAt = &at
			}
			if err := give(item); err != nil {
				return err
			}
		}
		return nil
	})
}

// Detection is malware, or software that should not be there. The record's instant
// is when it was found.
type Detection struct {
	ID        string     `json:"id"`
	Device    string     `json:"device"`
	What      string     `json:"what"`
	FoundAt   *time.Time `json:"found_at,omitempty"`
	Owner     string     `json:"owner"`
	DueAt     *time.Time `json:"due_at,omitempty"`
	Outcome   string     `json:"outcome,omitempty"`
	HandledAt *time.Time `json:"handled_at,omitempty"`
	HandledBy string     `json:"handled_by,omitempty"`
	State     string     `json:"state"`
}

// within is how long a detection may stay as it is (the policy on devices).
const within = 48 * time.Hour

// Detections describes the register of malware and the like.
var Detections = record.Define[Detection](record.Definition{
	Kind: "malware_detection", Mirror: true, Register: "malware_detections", Title: "Malware detections", Singular: "Malware detection", Named: "what", Prefix: "MAL", At: "found_at", Fixed: []string{"device", "found_at"},
	Purpose: "Malware and unwanted software on devices, and how it was dealt with.",
	States:  []string{"found", "handled"},
	Transitions: []record.Transition{
		{From: "found", To: "handled", Required: []string{"outcome", "handled_at"}, Stamp: []string{"handled_by"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "device", Label: "Device", Section: "Detection", Required: true, Refers: "device", Help: "The device, like device/LAP-7."},
		{Name: "what", Label: "What", Required: true, Help: "What was found."},
		{Name: "found_at", Label: "Found", Required: true, Happened: true, Help: "When it was found: it is dealt with within 48 hours."},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who deals with it, as person/E1001."},
		{Name: "due_at", Label: "Due", Computed: true},
		{Name: "state", Label: "State"},
		{Name: "outcome", Label: "Outcome", Section: "What was done", Long: true, Help: "What was done about it: removed, device set up anew, a false alarm."},
		{Name: "handled_at", Label: "Dealt with", Happened: true, Help: "When it was dealt with."},
		{Name: "handled_by", Label: "Dealt with by", Given: true},
	},
	Columns: []record.Column{
		{Field: "device", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "found_at", Filter: true, Sort: true},
		{Field: "due_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{{Name: "handle", What: "Deal with what was found on the device", At: "due_at", Owner: "owner", Open: `item.state == "found"`}},
})

// Compute sets by when it is dealt with.
func (d *Detection) Compute() {
	d.DueAt = nil
	if d.FoundAt != nil {
		due := d.FoundAt.Add(within)
		d.DueAt = &due
	}
}

// Validate says what is wrong with a detection.
func (d *Detection) Validate() []record.FieldError {
	return record.Bounded(maxText, "what", d.What, "outcome", d.Outcome)
}

// Before holds what was said when it was dealt with.
func (d *Detection) Before(_ *act.Tx, old any) error {
	if old != nil && record.As[Detection](old).State == "handled" {
		return record.Refuse("state", "is handled: it stays as it was")
	}
	if d.HandledAt != nil && d.HandledAt.Before(*d.FoundAt) {
		return record.Refuse("handled_at", "is before it was found")
	}
	return nil
}

// named says what is wrong with an id.
func named(id string) []record.FieldError {
	if id == "" || len(id) > maxID || strings.ContainsAny(id, " \t\r\n\x00/") {
		return []record.FieldError{record.Wrong("id", "must have 1 to %d characters, no space and no slash", maxID)}
	}
	return nil
}
