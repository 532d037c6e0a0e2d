package demo

import (
	"bytes"
	_ "embed" // the company and its words
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed company.yaml
var companyFile []byte

//go:embed words.yaml
var wordsFile []byte

// company is the script: company.yaml says what its fields mean.
type company struct {
	Organization string
	Timezone     string
	Begin        date
	From         date
	To           date
	End          date

	Staff, Joiners, Leavers int
	Officers                []officer
	Departure               struct {
		Role, Successor string
		On, From        date
	}
	Lapses []struct {
		Occurrence string
		Late       int
		Reason     string
	}
	Joined []struct {
		Number, Policies, Training int
		Cause                      string
	}
	Left []struct {
		Number, Access int
		Cause          string
	}
	Repositories []struct {
		Name     string
		Share    int
		Asserted bool
	}
	ChangesADay int `yaml:"changes_a_day"`
	Unticketed  mishap
	Untitled    mishap
	Cloud       struct {
		Account        string
		ActsAMonth     int    `yaml:"acts_a_month"`
		OpenPorts      mishap `yaml:"open_ports"`
		NoSecondFactor mishap `yaml:"no_second_factor"`
	}
	ControlChanged date `yaml:"control_changed"`
}

// officer is somebody who answers for duties.
type officer struct{ Role, Name, Department string }

// mishap is what goes wrong on some days, and why.
type mishap struct {
	Days   []date
	Each   int
	Cause  string
	Design bool
}

// words are what invented names and titles are made of.
type words struct {
	First, Last, Departments, Verbs, Things []string
	Titles                                  map[string]string
}

// date is a day of the calendar.
type date struct{ year, month, day int }

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *date) UnmarshalYAML(node *yaml.Node) error {
	at, err := time.Parse(time.DateOnly, node.Value)
	d.year, d.month, d.day = at.Year(), int(at.Month()), at.Day()
	return err
}

// at is the beginning of an hour of the day in a zone.
func (d date) at(zone *time.Location, hour int) time.Time {
	return time.Date(d.year, time.Month(d.month), d.day, hour, 0, 0, 0, zone)
}

// script reads the company and its words.
func script() (*company, *words, error) {
	c, w := &company{}, &words{}
	for _, file := range []struct {
		name string
		data []byte
		into any
	}{{"company.yaml", companyFile, c}, {"words.yaml", wordsFile, w}} {
		decoder := yaml.NewDecoder(bytes.NewReader(file.data))
		decoder.KnownFields(true)
		if err := decoder.Decode(file.into); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file.name, err)
		}
	}
	return c, w, nil
}
