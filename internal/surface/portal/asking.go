package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/record"
)

// askPage is the page of a form that is not of a register's record.
type askPage struct {
	Lead, Action, Button string
	Back, BackTo         string
	Upload               bool
	Inputs               []input
	Wrong                []mistake
}

// asking makes the inputs of such a form: with what was typed, and what is wrong with
// it by the names of the fields.
type asking struct {
	sent  url.Values // nil: nobody has typed anything
	wrong map[string]string
	id    string // before the ids of the inputs, where a page has several forms
}

// sentForm is a form as it was sent.
func sentForm(r *request, wrong map[string]string) asking {
	a := asking{wrong: map[string]string{}}
	for name, text := range wrong {
		a.wrong[name] = r.says(text)
	}
	if r.Method == http.MethodPost {
		a.sent = r.PostForm
	}
	return a
}

// text is what was typed into a field, without what surrounds it.
func (r *request) text(name string) string {
	return strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("f."+name), "\r\n", "\n"))
}

// ticked are the boxes of a field that somebody ticked.
func (r *request) ticked(name string) []string {
	return slices.DeleteFunc(slices.Clone(r.PostForm["f."+name]), func(value string) bool { return value == "" })
}

// field is a control for one value, or for several lines; first is what stands in it
// before anybody has typed.
func (a asking) field(control, name, label, help, first string) input {
	in := input{Field: record.Field{Name: name, Label: label, Help: help}, ID: "f-" + a.id + name, Control: control, Value: first, Wrong: a.wrong[name], key: name}
	if a.sent.Has("f." + name) {
		in.Value = a.sent.Get("f." + name)
	}
	return in
}

// needed is field of what must be there.
func (a asking) needed(control, name, label, help, first string) input {
	in := a.field(control, name, label, help, first)
	in.Required = true
	return in
}

// choice is a control for one of several options, or for some of them: one at least.
func (a asking) choice(control, name, label, help string, options []option, first ...string) input {
	in := a.needed(control, name, label, help, "")
	chosen := first
	if a.sent != nil {
		chosen = a.sent["f."+name]
	}
	for _, o := range options {
		o.Chosen = slices.Contains(chosen, o.Value)
		in.Options = append(in.Options, o)
	}
	return in
}

// mistakes are what is wrong with the fields of a form, in their order; what belongs to
// none of them stands first, under "".
func (a asking) mistakes(inputs []input) (all []mistake) {
	if text := a.wrong[""]; text != "" {
		all = append(all, mistake{Problem: text})
	}
	for i := range inputs {
		if text := a.wrong[inputs[i].key]; text != "" {
			all = append(all, mistake{Label: inputs[i].Label, ID: inputs[i].ID, Problem: text, key: inputs[i].key})
		}
	}
	return all
}

// missing says which of the fields are empty.
func (r *request) missing(names ...string) map[string]string {
	wrong := map[string]string{}
	for _, name := range names {
		if r.text(name) == "" {
			wrong[name] = "is missing"
		}
	}
	return wrong
}

// ownWords are an error's own words, on a page: without the kind of error that it begins
// with.
func ownWords(err error, kinds ...error) string {
	text := err.Error()
	for _, kind := range kinds {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	return capital(strings.ReplaceAll(text, "\n", "; ")) + "."
}
