package judgments

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/catalog"
)

// Listed is a root cause that a deviation can have: causes come from a list, so
// that two people call one thing by one name, and the deviation rule sees that
// it recurs.
type Listed struct {
	ID    string `json:"id" yaml:"id"` // human_error
	Title string `json:"title" yaml:"title"`
	// Design: the control could not have worked as designed; performing it
	// better would not help.
	Design bool `json:"design" yaml:"design"`
}

// causes is the catalog's list, read once: it is embedded.
var causes = sync.OnceValue(func() []Listed {
	list, err := parseCauses(catalog.CausesFile, catalog.Causes())
	if err != nil { // a test reads the file
		panic(err)
	}
	return list
})

// Causes is the controlled list.
func Causes() []Listed { return causes() }

// FindCause is the cause with this id.
func FindCause(id string) (Listed, error) {
	var ids []string
	for _, one := range causes() {
		if one.ID == id {
			return one, nil
		}
		ids = append(ids, one.ID)
	}
	return Listed{}, fmt.Errorf("%w: %q is no cause of the list: %s", ErrWrong, id, strings.Join(ids, ", "))
}

// parseCauses reads a list of causes. Its error names the file, and the line
// where there is one.
func parseCauses(file string, data []byte) ([]Listed, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	var list []Listed
	if err := decoder.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	seen := map[string]bool{}
	for _, one := range list {
		switch {
		case one.ID == "" || one.Title == "":
			return nil, fmt.Errorf("%s: a cause needs id and title", file)
		case seen[one.ID]:
			return nil, fmt.Errorf("%s: the cause %s is there twice", file, one.ID)
		}
		seen[one.ID] = true
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s: there are no causes", file)
	}
	return list, nil
}
