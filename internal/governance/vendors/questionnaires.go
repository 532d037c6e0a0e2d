package vendors

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// The questionnaires: of every vendor, and of those that check identities.
const (
	general = "general"
	kyc     = "kyc-aml"
)

// Question is one of a questionnaire.
type Question struct {
	ID   string `yaml:"id"`
	Text string `yaml:"text"`
}

var questionnaires = map[string][]Question{general: load(general), kyc: load(kyc)}

// Questions are those of a questionnaire of the catalog; none where there is no
// such questionnaire.
func Questions(questionnaire string) []Question { return questionnaires[questionnaire] }

// asked are the questions as a form asks them.
func asked(questionnaire string) (rows []record.Row) {
	for _, q := range Questions(questionnaire) {
		rows = append(rows, record.Row{Key: q.ID, Text: q.Text})
	}
	return rows
}

// usual is the questionnaire that belongs to a vendor, and its tier.
func usual(r *store.Reader, vendor string) (map[string]string, error) {
	id, ok := strings.CutPrefix(vendor, kindVendor+"/")
	if !ok {
		return nil, nil
	}
	current, err := record.Get(r, kindVendor, id)
	if errors.Is(err, record.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v := &Vendor{}
	if err := json.Unmarshal(current.Doc, v); err != nil {
		return nil, err
	}
	v.Compute()
	filled := map[string]string{"questionnaire": general, "tier": v.Tier}
	if v.Category == CategoryKYC {
		filled["questionnaire"] = kyc
	}
	return filled, nil
}

// load reads a questionnaire. It is part of the program: a mistake in it is one
// of the program, and panics.
func load(name string) []Question {
	text, err := catalog.Questionnaire(name)
	var file struct {
		Title     string     `yaml:"title"`
		Questions []Question `yaml:"questions"`
	}
	if err == nil {
		err = yaml.Unmarshal(text, &file)
	}
	if err != nil || len(file.Questions) == 0 {
		panic(fmt.Sprintf("the questionnaire %s: %d questions, %v", name, len(file.Questions), err))
	}
	return file.Questions
}
