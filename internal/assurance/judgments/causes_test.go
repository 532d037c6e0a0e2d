package judgments

import (
	"strings"
	"testing"
)

func TestAListOfCausesThatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "there are no causes",
		"- {id: a}":                   "needs id and title",
		"- {title: a}":                "needs id and title",
		"- {id: a, title: A, why: x}": "field why not found",
		"- id: a\n  title: [":         "f.yaml: ",
		"- {id: a, title: A}\n- {id: a, title: B}": "the cause a is there twice",
	} {
		if _, err := parseCauses("f.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "f.yaml: ") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzCauses(f *testing.F) {
	f.Add([]byte("- {id: a, title: A, design: true}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseCauses("f.yaml", data)
		if err == nil && (len(list) == 0 || list[0].ID == "" || list[0].Title == "") {
			t.Fatalf("%q gives %+v", data, list)
		}
	})
}
