package portal

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// awayPage is what is shown while the database cannot be used. It is made without it: a form
// that was sent comes back as what was typed, and can be sent again as it is.
type awayPage struct {
	Says   string
	Action string // where the form is sent again; or what was asked for
	Form   bool   // there is one to send
	Typed  []typedField
	Fields []kept   // all of the form, as it was sent
	Files  []string // what has to be chosen again
}

// typedField is what somebody typed, under what the form called it.
type typedField struct{ Label, Text string }

// secrets are the names of fields that no page carries.
var secrets = []string{"password", "present", "token"}

// retryAfter is in how many seconds it is worth asking again.
const retryAfter = "30"

// isAway reports whether an error says that the database cannot be used, or has not
// answered in time.
func isAway(err error) bool {
	return store.Unusable(err) != nil || errors.Is(err, context.DeadlineExceeded)
}

// whyAway is the sentence that says what is the matter with the database.
func whyAway(err error) string {
	why := store.Unusable(err)
	if why == nil {
		return "The database does not answer in time."
	}
	if errors.Is(why, store.ErrUnavailable) {
		return "The database does not answer."
	}
	return "The database cannot be used: " + why.Error() + "."
}

// away makes the page of an error that says that the database cannot be used. The form's
// token and what makes it one of its page are kept as they were sent: they are worth what they
// were.
func (p *Portal) away(w http.ResponseWriter, r *request, line route, err error) *shown {
	page := &awayPage{Says: whyAway(err), Action: within(r.URL.RequestURI())}
	title, _, _ := strings.Cut(strings.TrimSuffix(page.Says, "."), ":")
	answer := &shown{page: "away", away: r.session == nil, status: http.StatusServiceUnavailable, title: title, data: page}
	if r.Method != http.MethodPost {
		page.Says += " Nothing is lost: what is recorded is there when it comes back."
		return answer
	}
	if r.PostForm == nil && r.read(w, line) != nil {
		r.PostForm = nil // there is nothing to show
	}
	if r.begun && (line.again == nil || errors.Is(err, store.ErrUnknown) || store.Unusable(err) == nil) {
		page.Says += " Whether what you sent was written is not known: look when it comes back, before you send it again."
	} else {
		page.Says += " Nothing was written."
	}
	if slices.ContainsFunc(secrets, r.PostForm.Has) {
		page.Says += " Passwords are not kept: type them again."
		page.Action = path.Dir(r.URL.Path)
		return answer
	}
	kind, _ := p.action(line, r.PathValue("register"))
	if page.Form = len(r.PostForm) > 0; page.Form {
		page.Says += " What you sent is kept on this page: send it again when the database is back."
	}
	for _, name := range inOrder(kind, r.PostForm) {
		for _, value := range r.PostForm[name] {
			page.Fields = append(page.Fields, kept{name, value})
			if label := typedLabel(kind, name); label != "" && strings.TrimSpace(value) != "" {
				page.Typed = append(page.Typed, typedField{label, value})
			}
		}
	}
	if r.MultipartForm != nil {
		page.Files = append(page.Files, slices.Sorted(maps.Keys(r.MultipartForm.File))...)
	}
	return answer
}

// fieldOf is the field of a record that a field of its form belongs to.
func fieldOf(name string) string {
	field, _, _ := strings.Cut(strings.TrimPrefix(name, "f."), ".")
	return field
}

// inOrder are the names of a form's fields, as its page had them.
func inOrder(kind *record.Kind, form url.Values) []string {
	names := slices.Sorted(maps.Keys(form))
	if kind != nil {
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(placeOf(kind, a), placeOf(kind, b)) })
	}
	return names
}

// placeOf is where the field stands among those of a register.
func placeOf(kind *record.Kind, name string) int {
	return slices.IndexFunc(kind.Described, func(f record.Field) bool { return f.Name == fieldOf(name) })
}

// typedLabel is what a field of a form is called; empty where nobody types it.
func typedLabel(kind *record.Kind, name string) string {
	if slices.Contains([]string{formField, more, "version"}, name) {
		return ""
	}
	parts := strings.Split(strings.TrimPrefix(name, "f."), ".")
	label := ""
	if kind != nil {
		label = kind.Field(parts[0]).Label
	}
	label = cmp.Or(label, record.Words(parts[0]))
	for _, part := range parts[1:] {
		if n, err := strconv.Atoi(part); err == nil {
			part = strconv.Itoa(n + 1)
		}
		label += ", " + strings.ToLower(record.Words(part))
	}
	return label
}
