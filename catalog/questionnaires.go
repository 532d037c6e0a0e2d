package catalog

import "embed"

//go:embed questionnaires/*.yaml
var questionnaires embed.FS

// Questionnaire is a file of questions for vendors, by its name without .yaml;
// package vendors reads it.
func Questionnaire(name string) ([]byte, error) {
	return questionnaires.ReadFile("questionnaires/" + name + ".yaml")
}
