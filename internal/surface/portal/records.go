package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/surface"
)

// onePage is the page of a record.
type onePage struct {
	Kind     *record.Kind
	Version  *record.Version
	Href     string
	List     string
	State    shownLine
	Sections []section
	Moves    []move
	Others   []othersMove // where the reader can make no move on which the record goes on
	Edit     string       // where it is changed; empty where the caller may not
	Holds    string       // of a person: the page of what they answer for and owe
	File     string       // of evidence: its file
	Review   *evidenceReview
	Prepare  string // of a planned meeting: where its agenda is made
	Reads    []chip // of a policy version: its text as it reads, and what changed in it; of a vendor: what can be added of it
	TakeUp   string // of a notice that nobody has settled: where it becomes a regulation
	Period   *periodSteps
	Result   *resultSteps
	Judging  *judging // of a deviation or a resolution
	Attached *surface.Attached
	Named    []naming // the records of other registers that name it
	May      map[string]bool
	Wrong    []mistake // what kept a form of this page from being taken
	Relation []option
	// what was typed into a form that was not taken
	Typed map[string]string
}

// judging is where people judge what a record is about.
type judging struct{ Href, Words string }

// section is a heading with what stands under it.
type section struct {
	Title  string
	Values []shownValue
}

// mistake is what is wrong with a field, by the name that people know.
type mistake struct {
	Label, ID, Problem string // ID of the control, where there is one
	Held               bool   // nothing is wrong with the form itself

	key string
}

// naming is a register whose records name this one.
type naming struct {
	Title, Href string
	Rows        []row
	Columns     []heading
	Cut         bool // there are more than are listed
	All         int  // how many there are, of those to which no list leads
	Late        int  // how many of them were owed by a time that has passed, at most manyLate
}

// load reads a record for whoever may.
func (p *Portal) load(r *request) (v *record.Version, err error) {
	id := r.PathValue("id")
	if err := p.System.ViewRecords(r.Context(), r.caller, r.kind, id, nil); err != nil {
		return nil, err
	}
	return v, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		v, err = record.Get(reader, r.kind.Name, id)
		return err
	})
}

// record shows one.
func (p *Portal) record(r *request) (*shown, error) {
	return p.recordWith(r, nil, r.URL.Query().Get("move"))
}

// recordWith shows a record, with what is wrong with a form that was sent from
// its page: the one that moves it to a state, or another one.
func (p *Portal) recordWith(r *request, failed error, state string) (*shown, error) {
	v, err := p.load(r)
	if err != nil {
		return nil, err
	}
	kind := r.kind
	page := &onePage{Kind: kind, Version: v, Href: at(kind, v.ID), List: at(kind), May: map[string]bool{}, Typed: map[string]string{}}
	answer := &shown{page: "record", title: caption(kind, v), data: page}
	wrong := map[string]string{}
	if failed != nil {
		var taken bool
		if page.Wrong, wrong, taken = p.mistakes(r, kind, failed); !taken {
			return nil, failed
		}
		answer.status = http.StatusUnprocessableEntity
		for _, name := range []string{"text", "relation", "to", "add"} {
			page.Typed[name] = r.PostForm.Get(name)
		}
	}
	values, err := p.values(r, kind, v.Doc)
	if err != nil {
		return nil, err
	}
	if state := values["state"]; len(state.Lines) > 0 && len(kind.States) > 0 {
		page.State = state.Lines[0]
	}
	for _, f := range kind.Ordered() {
		if f.Section != "" || len(page.Sections) == 0 {
			page.Sections = append(page.Sections, section{Title: f.Section})
		}
		if value, ok := values[f.Name]; ok && f.Name != kind.IDField && (f.Name != "state" || len(kind.States) == 0) && value.Some() {
			last := &page.Sections[len(page.Sections)-1]
			last.Values = append(last.Values, value)
		}
	}
	page.Sections = slices.DeleteFunc(page.Sections, func(s section) bool { return len(s.Values) == 0 })
	for _, verb := range []string{"set", "move", "link", "comment", "attach", "tag"} {
		page.May[verb] = r.may(kind.Name + "." + verb)
	}
	if can, _, err := kind.Changeable(v.Doc); err != nil {
		return nil, err
	} else if page.May["set"] && !kind.Internal && len(can) > 0 {
		page.Edit = page.Href + "/edit"
	}
	if kind == people.Register {
		page.Holds = personPath(v.ID)
	}
	if kind == documents.Register && p.opens(r, evidenceFilePath(v.ID)) {
		page.File = evidenceFilePath(v.ID)
	}
	page.Prepare = preparePath(r, v)
	if kind == vendors.Register {
		page.Reads = ofVendor(r, v)
	}
	if page.TakeUp, err = takingUp(r, v); err != nil {
		return nil, err
	}
	if kind == policies.Versions {
		policy, err := decoded[policies.Version](v)
		if err != nil {
			return nil, err
		}
		page.Reads = readings(policy)
	}
	if kind == judgments.Deviations {
		judged, err := decoded[judgments.Deviation](v)
		if err != nil {
			return nil, err
		}
		page.Judging = &judging{deviationPath("", &results.Found{Result: judged.Result, Item: judged.Item}), "Its cause"}
	}
	if kind == resolutions.Register {
		href, err := p.resolutionPage(r, v)
		if err != nil {
			return nil, err
		}
		if href != "" {
			page.Judging = &judging{href, "What does not agree"}
		}
	}
	if kind == results.Register {
		if page.Result, err = p.resultSteps(r, v); err != nil {
			return nil, err
		}
	}
	if kind == periods.Register {
		if page.Period, err = p.periodSteps(r, v.ID); err != nil {
			return nil, err
		}
	}
	if kind == documents.Register {
		if page.Review, err = p.evidenceReview(r, v); err != nil {
			return nil, err
		}
	}
	if page.May["move"] && !kind.Internal {
		page.Moves, err = p.moves(r, v, page.Wrong, wrong, state)
	}
	if err == nil && !kind.Internal && !slices.ContainsFunc(page.Moves, func(m move) bool { return m.To != record.Withdrawn }) {
		page.Others, err = othersMoves(kind, v)
	}
	if err == nil {
		page.Attached, err = p.System.Attached(r.Context(), kind, v.ID)
	}
	if err == nil {
		page.Named, err = p.named(r, v.Ref())
	}
	if err == nil && kind == risks.Assessments {
		err = p.stillToReview(r, v, page)
	}
	for _, relation := range attached.Called() {
		page.Relation = append(page.Relation, option{relation, record.Words(relation), relation == page.Typed["relation"]})
	}
	return answer, err
}

// ofVendor are the forms of what is kept of a vendor, with the vendor filled in, for whoever
// may add it.
func ofVendor(r *request, v *record.Version) (all []chip) {
	for _, kind := range []*record.Kind{vendors.Assessments, vendors.Reports, vendors.Contracts, vendors.Subprocessors} {
		if r.may(kind.Name + ".add") {
			all = append(all, chip{"New: " + kind.Singular, "/new/" + kind.Register + "?" + url.Values{prefix + "vendor": {v.Ref()}}.Encode()})
		}
	}
	return all
}

// takingUp is the form of a new regulation with what a notice says, for whoever may add one;
// empty of a notice that is settled, and of other records.
func takingUp(r *request, v *record.Version) (string, error) {
	if r.kind != regulations.Notices || !r.may(regulations.Register.Name+".add") {
		return "", nil
	}
	n, err := decoded[regulations.Notice](v)
	if err != nil || n.State != regulations.New {
		return "", err
	}
	filled := url.Values{}
	for name, value := range map[string]string{"title": n.Title, "source": v.Ref(), "jurisdiction": n.Jurisdiction, "link": n.Link, "owner": n.Owner} {
		if value != "" {
			filled.Set(prefix+name, value)
		}
	}
	return "/new/" + regulations.Register.Register + "?" + filled.Encode(), nil
}

// stillToReview adds to a round of risks that is under way how far it is.
func (p *Portal) stillToReview(r *request, v *record.Version, page *onePage) error {
	a, err := decoded[risks.Assessment](v)
	if err != nil || a.State != risks.Running || !r.may(readAction(risks.Register)) {
		return err
	}
	return p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		all, err := record.Counted(reader, risks.Register, risks.Open)
		if err != nil {
			return err
		}
		left, err := record.Counted(reader, risks.Register, a.Left())
		if err != nil {
			return err
		}
		group := naming{Title: fmt.Sprintf("Still to be reviewed: %d of %d risks", left, all), Cut: left > fewFound,
			Href: at(risks.Register) + "?" + url.Values{"filter": {a.Left()}}.Encode()}
		if left == 0 {
			group.Href = at(risks.Register)
		}
		_, err = record.List(reader, risks.Register, record.Query{Filter: a.Left(), Limit: fewFound}, func(one *record.Version) error {
			group.Rows = append(group.Rows, row{Href: at(risks.Register, one.ID), Caption: caption(risks.Register, one)})
			return nil
		})
		page.Named = append([]naming{group}, page.Named...)
		return err
	})
}

// named are the records of other registers that refer to one in a column, or in a list.
func (p *Portal) named(r *request, ref string) (all []naming, err error) {
	return all, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		for _, kind := range p.System.Kinds {
			for _, f := range kind.Described {
				if f.Refers != r.kind.Name || !r.may(readAction(kind)) {
					continue
				}
				if kind.Shape(f.Name) == record.ShapeTexts && !kind.Personal {
					one, err := p.listing(r, reader, kind, f, ref)
					if err != nil {
						return err
					}
					if len(one.Rows) > 0 {
						all = append(all, one)
					}
					continue
				}
				if kind.Shape(f.Name) != record.ShapeText || !slices.Contains(kind.Filterable(), f.Name) {
					continue
				}
				a := p.ask(kind, map[string][]string{prefix + f.Name: {ref}})
				one := naming{Title: kind.Title, Href: a.with()}
				if f.Name != r.kind.Name { // it says what this record is there
					one.Title += ": " + f.Label
				}
				if kind.Personal { // reading them is recorded: only for whoever asks
					all = append(all, one)
					continue
				}
				one.Columns = firstColumns(kind)
				const few = 10
				next, err := record.List(reader, kind, record.Query{Filter: a.filter(), Limit: few}, func(v *record.Version) error {
					line, err := p.row(r, kind, v, one.Columns)
					one.Rows = append(one.Rows, line)
					return err
				})
				if err != nil {
					return err
				}
				one.Cut = next != ""
				if len(one.Rows) > 0 {
					if f.Refers != people.Register.Name { // what people owe is on their own list
						if one.Late, err = p.lateAmong(reader, kind, a.filter()); err != nil {
							return err
						}
					}
					all = append(all, one)
				}
			}
		}
		return nil
	})
}

// firstColumns are those of records that are listed on another one's page.
func firstColumns(kind *record.Kind) (columns []heading) {
	for _, c := range shownColumns(kind)[:min(3, len(shownColumns(kind)))] {
		columns = append(columns, heading{Label: c.Label})
	}
	return columns
}

// listing are the records of a register that have a reference in a list: the first ones
// by their numbers. Registers are not filtered by what is in a list, so that nothing leads
// there.
func (p *Portal) listing(r *request, reader *store.Reader, kind *record.Kind, f record.Field, ref string) (naming, error) {
	const most = 50
	one := naming{Title: kind.Title, Columns: firstColumns(kind)}
	if strings.TrimSuffix(f.Name, "s") != r.kind.Name {
		one.Title += ": " + f.Label
	}
	ids, err := record.Referring(reader, kind, f.Name, ref)
	if err != nil {
		return one, err
	}
	ids = slices.SortedFunc(slices.Values(ids), record.ByNumber)
	one.Cut, one.All = len(ids) > most, len(ids)
	for _, id := range ids[:min(most, len(ids))] {
		v, err := record.Get(reader, kind.Name, id)
		if err != nil {
			return one, err
		}
		line, err := p.row(r, kind, v, one.Columns)
		if err != nil {
			return one, err
		}
		one.Rows = append(one.Rows, line)
	}
	return one, nil
}

// manyLate is how many are counted that are late.
const manyLate = 100

// lateAmong counts the records that a filter finds and that are owed by a time that has
// passed.
func (p *Portal) lateAmong(reader *store.Reader, kind *record.Kind, filter string) (n int, err error) {
	late := map[string]bool{}
	for _, due := range kind.Dues {
		field := kind.Field(due.At)
		passed := field.Passed(p.System.Clock.Now(), p.zone)
		q := record.Query{Limit: manyLate, Filter: fmt.Sprintf("(%s) && item.%s < timestamp(%q)", filter, due.At, passed.UTC().Format(time.RFC3339Nano))}
		if due.Open != "" {
			q.Filter += " && (" + due.Open + ")"
		}
		if _, err := record.List(reader, kind, q, func(v *record.Version) error { late[v.ID] = true; return nil }); err != nil {
			return 0, err
		}
	}
	return min(len(late), manyLate), nil
}

// mistakes are what is wrong with a form, for people; false when it is something
// else that went wrong.
func (p *Portal) mistakes(r *request, kind *record.Kind, err error) (all []mistake, fields map[string]string, taken bool) {
	fields = map[string]string{}
	var invalid *record.Invalid
	var again *held
	switch {
	case errors.As(err, &invalid):
		for _, f := range invalid.Fields {
			problem := r.says(p.plainly(kind, f.Problem))
			all = append(all, mistake{Label: labelOf(kind, f.Field), Problem: problem, key: f.Field})
			fields[f.Field] = problem
		}
	case errors.As(err, &again):
		all = append(all, mistake{Problem: again.text, Held: true})
	case errors.Is(err, act.ErrSamePerson), errors.Is(err, attached.ErrRefused), errors.Is(err, record.ErrSame), errors.Is(err, record.ErrExists),
		errors.Is(err, record.ErrStale), errors.Is(err, record.ErrNone), errors.Is(err, record.ErrRegister):
		all = append(all, mistake{Problem: r.says(p.plainly(kind, sentence(err)))})
	default:
		return nil, nil, false
	}
	return all, fields, true
}

// instantText is an instant as messages of the registers write it, for everybody alike.
var instantText = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\b`)

// plainly is a message about a record as people say it: states in words, and times as
// they are where the organisation is.
func (p *Portal) plainly(kind *record.Kind, text string) string {
	text = instantText.ReplaceAllStringFunc(text, func(found string) string {
		at, err := time.Parse(time.RFC3339Nano, found)
		if err != nil {
			return found
		}
		local := at.In(p.zone)
		return p.moment(at, local.Hour() == 0 && local.Minute() == 0 && local.Second() == 0).Text
	})
	for _, state := range states(kind) {
		if strings.Contains(state, "_") {
			text = regexp.MustCompile(`\b`+regexp.QuoteMeta(state)+`\b`).ReplaceAllString(text, strings.ReplaceAll(state, "_", " "))
		}
	}
	return text
}

// inRow is how errors call a field of a struct in a list.
var inRow = regexp.MustCompile(`^([a-z0-9_]+)(?:\[(\d+)\])?\.(.+)$`)

// labelOf is what people call a field, or one of a struct that it holds.
func labelOf(kind *record.Kind, key string) string {
	found := inRow.FindStringSubmatch(key)
	if found == nil || record.ShapeOf(kind.Type(found[1])) != record.ShapeRows && record.ShapeOf(kind.Type(found[1])) != record.ShapeParts {
		return kind.Field(key).Label
	}
	label := kind.Field(found[1]).Label
	if n, err := strconv.Atoi(found[2]); err == nil {
		label += " " + strconv.Itoa(n+1)
	}
	for _, part := range record.Parts(kind.Type(found[1])) {
		if part.Name == found[3] {
			label += ", " + part.Label
		}
	}
	return label
}
