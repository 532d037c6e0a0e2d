// Package config is the configuration of a data folder: what scaf init
// decided. It is read at every start and holds no state.
package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"scaf.dev/scaf/internal/platform/durable"
)

// File is the name of the configuration in the data folder. Its mode is 0600:
// a database URL may hold a password.
const File = "scaf.json"

// Config is the configuration.
type Config struct {
	// Origin names the ledger: it is the first line of every checkpoint.
	Origin       string `json:"origin"`
	Organization string `json:"organization"`
	// Timezone is an IANA name; dates without a time are midnight there.
	Timezone string `json:"timezone"`
	// Feeds is how regulatory feeds are read; nil: from public addresses.
	Feeds *Feeds `json:"feeds,omitempty"`
	// Database is a postgres:// URL, or empty for SQLite in the folder.
	Database string `json:"database,omitempty"`
	// TimestampURL is an RFC 3161 authority; empty: none is asked.
	TimestampURL string `json:"timestamp_url,omitempty"`
	// TimestampRoots is the path of a PEM file with the certificates that the
	// authority's certificate must lead to; relative to the folder.
	TimestampRoots string `json:"timestamp_roots,omitempty"`
	// Notifications: nil: the portal's inbox alone tells people what concerns them.
	Notifications *Notifications `json:"notifications,omitempty"`
	// HRIS: nil: people come as tables or by hand.
	HRIS *HRIS `json:"hris,omitempty"`
}

// Errors of the configuration.
var (
	// ErrMissing: the folder is not one of SCAF's.
	ErrMissing = errors.New("there is no SCAF data in the folder")
	// ErrExists: the folder has been initialised before.
	ErrExists = errors.New("the folder holds SCAF data already")
	// ErrInvalid: a value cannot be used.
	ErrInvalid = errors.New("the configuration cannot be used")
)

// Load reads the configuration of a data folder. Unknown names are errors.
func Load(dir string) (*Config, error) {
	path := filepath.Join(dir, File)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w %s: run scaf init --dir %s first", ErrMissing, dir, dir)
	}
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	c := &Config{}
	if err := decoder.Decode(c); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrInvalid, path, err)
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Create writes the configuration of a new folder; it never overwrites.
func (c *Config) Create(dir string) error {
	if err := c.check(); err != nil {
		return err
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	err = durable.Create(filepath.Join(dir, File), 0o600, append(data, '\n'))
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", ErrExists, dir)
	}
	return err
}

func (c *Config) check() error {
	switch {
	case c.Origin == "" || strings.ContainsAny(c.Origin, "+ \t\r\n"):
		return fmt.Errorf("%w: the origin %q must not be empty and has no space and no plus sign", ErrInvalid, c.Origin)
	case c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://"):
		return fmt.Errorf("%w: the database must be a URL like postgres://user@host:5432/name, or be left out for SQLite", ErrInvalid)
	}
	if _, err := c.Feeds.Private(); err != nil {
		return err
	}
	if _, err := c.Location(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return errors.Join(c.Notifications.check(), c.HRIS.check())
}

// Location is the organisation's time zone.
func (c *Config) Location() (*time.Location, error) { return Timezone(c.Timezone) }

// Timezone loads a time zone by its IANA name; an empty name is UTC.
func Timezone(name string) (*time.Location, error) {
	if name == "Local" {
		name = "?" // the machine's zone is nobody's choice
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q is not known: use an IANA name such as Europe/Berlin, or UTC", name)
	}
	return zone, nil
}

// Instant reads an RFC 3339 time, or a date, which is midnight in the zone.
func Instant(text string, zone *time.Location) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	at, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no date such as 2026-01-31, nor a time such as 2026-01-31T09:30:00Z", text)
	}
	return at, nil
}

// DatabaseLocation is what store.Open takes.
func (c *Config) DatabaseLocation(dir string) string {
	if c.Database != "" {
		return c.Database
	}
	return filepath.Join(dir, "scaf.db")
}
