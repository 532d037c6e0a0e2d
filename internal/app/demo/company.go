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

//go:embed assessments.yaml
var assessmentsFile []byte

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
		why        `yaml:",inline"`
	}
	Joined []struct {
		Number, Policies, Training int
		why                        `yaml:",inline"`
	}
	Left []struct {
		Number, Access int
		why            `yaml:",inline"`
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
	ObservedFrom date `yaml:"observed_from"`
	Observed     []struct {
		Check, Resource string
		Value           map[string]any
		Wrong           struct {
			Days  []date
			Value map[string]any
			why   `yaml:",inline"`
		}
	}
	Documents []struct {
		Control, Test, File, Title string
		Without                    int  // the quarter of which there is none; 0: none lacks
		Yearly                     bool // one for the whole year
		why                        `yaml:",inline"`
	}
	ControlChanged date `yaml:"control_changed"`
	Policies       []enacted
	Revised        struct {
		On       date
		Policies []string
		Added    string // at the end of their texts
	}
	// Campaign is what people are asked when the demonstration ends: all but each of so
	// many have answered, one refuses.
	Campaign struct {
		On       date
		Policies []string
		Added    string
		Unread   int
		Refuses  struct {
			Person int // by the order of joining
			On     date
			Reason string
		}
	}
	// Outdated are devices that were seen without the latest patches.
	Outdated []struct {
		On     date
		Person int // by the order of joining
		why    `yaml:",inline"`
	}
	LateBackup mishap `yaml:"late_backup"`
	Risks      []risk
}

// enacted are policies of the catalog that come into force on a day.
type enacted struct {
	On       date
	Policies []string
	Audience string // or all others of an audience
}

// why is the root cause of something that went wrong: one of the list, and a
// note.
type why struct{ Cause, Note string }

// assessment is what was found of the design of a control.
type assessment struct{ Control, Risk, Precision, Walked string }

// risk is one of the register: likelihood and impact, before and after what is done
// about it. Accepted says why it is left as it is, where it is.
type risk struct {
	Title, Category, Owner, Response, Treatment, Accepted string
	Inherent, Residual                                    [2]int
	Controls                                              []string
	Due                                                   date
}

// officer is somebody who answers for duties. Also is what files of duties call the
// role, too.
type officer struct{ Role, Also, Name, Department string }

// mishap is what goes wrong on some days, and why.
type mishap struct {
	Days []date
	Each int
	why  `yaml:",inline"`
}

// words are what invented names and titles are made of.
type words struct {
	First, Last, Departments, Verbs, Things []string
	Titles                                  map[string]string
	Minutes                                 []struct{ Notes, Decision string }
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
	c, err := parse[company]("company.yaml", companyFile)
	if err != nil {
		return nil, nil, err
	}
	w, err := parse[words]("words.yaml", wordsFile)
	return c, w, err
}

// parse reads one of the story's files, strictly.
func parse[T any](name string, data []byte) (*T, error) {
	into := new(T)
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return into, nil
}
