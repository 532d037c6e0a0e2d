package record

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"scaf.dev/scaf/internal/platform/store"
)

// ErrCursor says: the cursor of a list cannot be used.
var ErrCursor = errors.New("the cursor cannot be used")

// Query asks for current records of a kind.
type Query struct {
	// Filter is a CEL expression over declared columns; empty keeps all.
	Filter string
	// By is a column of the filter that has the value it asks for in few records, so
	// that they are found by its index; empty: the database chooses, and SQLite does
	// not know which values are rare. It changes nothing but the time it takes.
	By string
	// Words are looked for in the id and in all columns that are texts, in capitals or
	// not. Empty: not looked for.
	Words string
	// Marks are what other records have to say of a record that is kept.
	Marks []Mark
	// Sort is a declared column, with "-" before it the last one first; empty:
	// by the instant, or by the id where the kind has none. Records without the
	// value come first, and with "-" last. Equal ones are ordered by id, and those that SCAF
	// numbers by the number.
	Sort string
	// Valued leaves out the records without a value to sort by, which a filter may do
	// already: the database is not asked for them.
	Valued bool
	// Limit is the most records of a page; 0: all.
	Limit int
	// After is the cursor that the page before gave.
	After string
}

// Mark asks that the record of another kind whose id is this record's reference
// has a value in a list: that its tags have this one.
type Mark struct {
	Kind         *Kind
	Field, Value string
}

// sql is the condition that a record of a kind is marked; value is the parameter
// that holds the mark's.
func (m *Mark) sql(dialect store.Dialect, kind *Kind, value string) string {
	elements := "json_each(m.doc, '$." + m.Field + "') AS e WHERE e.value"
	if dialect == store.Postgres {
		elements = "json_array_elements_text(m.doc::json->'" + m.Field + "') AS e WHERE e"
	}
	// References of the kind are those from "kind/" up to "kind0", the next text
	// that does not begin with it.
	return fmt.Sprintf("id IN (SELECT substr(m.id, %d) FROM record_version AS m WHERE m.kind = '%s' AND m.to_idx IS NULL AND m.id >= '%s/' AND m.id < '%s0' AND EXISTS (SELECT 1 FROM %s = %s))",
		len(kind.Name)+2, m.Kind.Name, kind.Name, kind.Name, elements, value)
}

// cursor is the place after a page, and the list that it is one of.
type cursor struct {
	List string          `json:"l"`
	None bool            `json:"n,omitempty"` // the last record has no value to sort by
	Last json.RawMessage `json:"v,omitempty"`
	ID   string          `json:"i"`
}

// errLimit ends a query after its last record.
var errLimit = errors.New("the page is full")

// List visits the records that the query asks for, in its order, the same on
// every database, and returns the cursor of the next page, empty when this is
// the last one. A version and its document are valid during the visit only.
// Errors of the query wrap ErrFilter or ErrCursor.
func List(r *store.Reader, kind *Kind, q Query, visit func(*Version) error) (next string, err error) {
	l, err := newListing(r.Dialect(), kind, q)
	if err != nil {
		return "", err
	}
	if found, err := l.narrow(r); err != nil || !found {
		return "", err
	}
	for _, none := range l.halves() {
		if err := l.half(r, none, visit); errors.Is(err, errLimit) {
			return l.next()
		} else if err != nil {
			return "", err
		}
	}
	return "", nil
}

// listing is a query on its way.
type listing struct {
	kind       *Kind
	q          Query
	sort       *column // nil: by id
	descending bool
	where      []string // conditions that all hold
	args       []any
	value      string // SQL of the sort column
	after      *cursor
	last       cursor
	shown      int
}

func newListing(dialect store.Dialect, kind *Kind, q Query) (*listing, error) {
	l := &listing{kind: kind, q: q}
	name, descending := strings.CutPrefix(q.Sort, "-")
	l.descending = descending
	sorts := kind.sorts()
	switch {
	case name != "":
		at := slices.IndexFunc(sorts, func(c *column) bool { return c != nil && c.Field == name || c == nil && name == "id" })
		if at < 0 {
			return nil, fmt.Errorf("%w: %s are sorted by %s, with - before it the last one first", ErrFilter, kind.Register, strings.Join(kind.Sortable(), ", "))
		}
		l.sort = sorts[at]
	case kind.At != "":
		l.sort = kind.byInstant()
	}
	if l.sort != nil {
		l.value = kind.sql(dialect, l.sort)
	}
	if q.Filter != "" {
		condition, args, err := kind.compileFilter(dialect, q.Filter, q.By, 1)
		if err != nil {
			return nil, err
		}
		l.where, l.args = append(l.where, condition), args
	}
	if q.Words != "" {
		if err := CheckWords(q.Words); err != nil {
			return nil, err
		}
		condition, args, err := kind.mentions(dialect, q.Words, len(l.args)+1)
		if err != nil {
			return nil, err
		}
		l.where, l.args = append(l.where, condition), append(l.args, args...)
	}
	list := kind.Name + "\x00" + q.Words + "\x00" + q.Filter + "\x00" + q.Sort + "\x00" + strconv.FormatBool(q.Valued)
	for i := range q.Marks {
		mark := &q.Marks[i]
		l.args = append(l.args, mark.Value)
		l.where = append(l.where, mark.sql(dialect, kind, "$"+strconv.Itoa(len(l.args))))
		list += "\x00" + mark.Kind.Name + "\x00" + mark.Field + "\x00" + mark.Value
	}
	sum := sha256.Sum256([]byte(list))
	l.last.List = hex.EncodeToString(sum[:8])
	return l, l.place()
}

// narrowed is up to how many records with the words asked for are found before they are
// put in order.
const narrowed = 200

// narrow finds the records of a list that has words and an order, unless they are many,
// and reports whether there are any: the database goes through the register's table once.
// By an index of the order it would look each record up in it.
func (l *listing) narrow(r *store.Reader) (found bool, err error) {
	if l.q.Words == "" || l.sort == nil && len(l.kind.order()) == 1 { // the table has that order
		return true, nil
	}
	var ids []any
	var id string
	if err := r.Each("SELECT id FROM "+l.kind.current()+" WHERE "+strings.Join(l.where, " AND ")+" LIMIT "+strconv.Itoa(narrowed+1), l.args, []any{&id}, func() error {
		ids = append(ids, id)
		return nil
	}); err != nil || len(ids) == 0 {
		return false, err
	}
	if len(ids) <= narrowed {
		l.where, l.args = []string{"id IN (" + store.Parameters(1, len(ids)) + ")"}, ids
	}
	return true, nil
}

// mentions is the condition that each of some words is in a record's id, or in a column that
// is a text, with its arguments, which are numbered from the first on.
func (k *Kind) mentions(dialect store.Dialect, words string, first int) (string, []any, error) {
	var conditions []string
	var args []any
	for _, word := range apart(words) {
		condition, its, err := k.mentionsOne(dialect, word, first+len(args))
		if err != nil {
			return "", nil, err
		}
		conditions, args = append(conditions, condition), append(args, its...)
	}
	return strings.Join(conditions, " AND "), args, nil
}

// mentionsOne is the condition for one word.
func (k *Kind) mentionsOne(dialect store.Dialect, word string, first int) (string, []any, error) {
	all := ways(word)
	args := sought(dialect, all)
	find := func(value string) string { return has(dialect, value, first, len(all)) }
	var texts []string
	for _, c := range k.columns() {
		if c.kind == valueText {
			texts = append(texts, find(k.sql(dialect, &c)))
		}
	}
	if len(texts) == 0 {
		return find("id"), args, nil
	}
	found := strings.Join(texts, " OR ")
	if dialect == store.SQLite {
		// Most rows do not have the words anywhere in their values: to see that is a
		// fraction of taking each value out.
		quoted, err := inJSON(all)
		if err != nil {
			return "", nil, err
		}
		args = append(args, sought(dialect, quoted)...)
		found = has(dialect, "cols", first+len(all), len(all)) + " AND (" + found + ")"
	}
	return "(" + find("id") + " OR " + found + ")", args, nil
}

// place reads the cursor.
func (l *listing) place() error {
	if l.q.After == "" {
		return nil
	}
	c := &cursor{}
	data, err := base64.RawURLEncoding.DecodeString(l.q.After)
	if err == nil {
		err = json.Unmarshal(data, c)
	}
	if err != nil {
		return fmt.Errorf("%w: %q is not one of ours", ErrCursor, l.q.After)
	}
	if c.List != l.last.List {
		return fmt.Errorf("%w: it belongs to a list with another filter or order", ErrCursor)
	}
	l.after = c
	return nil
}

// halves are the two parts of a list, those without a value to sort by (true)
// and those with one, in the order in which they come. What lies before the
// cursor is left out.
func (l *listing) halves() []bool {
	if l.sort == nil || l.q.Valued {
		return []bool{false}
	}
	halves := []bool{true, false}
	if l.descending {
		halves = []bool{false, true}
	}
	if l.after != nil && l.after.None == halves[1] {
		return halves[1:]
	}
	return halves
}

// has is the condition that a record has no value to sort by, or has one. Where most have
// none, SQLite would go through all of these for IS NOT NULL: what compares begins after them.
func (l *listing) has(dialect store.Dialect, none bool) string {
	switch {
	case none:
		return l.value + " IS NULL"
	case dialect == store.Postgres:
		return l.value + " IS NOT NULL"
	case l.sort.kind == valueText:
		return l.value + " >= ''"
	}
	return l.value + " >= -9e999"
}

// statement is the query of one half.
func (l *listing) statement(dialect store.Dialect, none bool) (text string, args []any, err error) {
	where, args := slices.Clone(l.where), slices.Clone(l.args)
	arg := func(value any) string {
		args = append(args, value)
		return "$" + strconv.Itoa(len(args))
	}
	order, than := "", ">"
	if l.descending {
		order, than = " DESC", "<"
	}
	if l.sort != nil {
		where = append(where, l.has(dialect, none))
	}
	switch {
	case l.after == nil || l.sort != nil && l.after.None != none:
	case l.sort == nil || none:
		where = append(where, "("+strings.Join(l.kind.order(), ", ")+") "+than+" ("+l.afterID(arg)+")")
	default:
		last, err := l.sort.parameter(l.after.Last)
		if err != nil {
			return "", nil, err
		}
		// The first comparison is for SQLite, which goes by no index for the
		// second one where the value is an expression.
		where = append(where, l.value+" "+than+"= "+arg(last), "("+strings.Join(append([]string{l.value}, l.kind.order()...), ", ")+") "+than+" ("+arg(last)+", "+l.afterID(arg)+")")
	}
	by, value := l.kind.order(), "id"
	if l.sort != nil {
		value = l.value
	}
	// By the value also where it is missing: the index has it in front. SQLite knows that they
	// are equal there, and goes by the index without it only.
	if l.sort != nil && (!none || dialect == store.Postgres) {
		by = append([]string{l.value}, by...)
	}
	outer := slices.Clone(by)
	for i, one := range outer {
		outer[i] = map[string]string{"id": "p.id", "length(id)": "length(p.id)", l.value: "p.value"}[one] + order
		by[i] += order
	}
	page := "SELECT id, version, " + value + " AS value FROM " + l.kind.current()
	if len(where) > 0 {
		page += " WHERE " + strings.Join(where, " AND ")
	}
	page += " ORDER BY " + strings.Join(by, ", ")
	if l.q.Limit > 0 {
		page += " LIMIT " + strconv.Itoa(l.q.Limit-l.shown+1)
	}
	// First the page, then its documents: SQLite keeps to the order of a CROSS JOIN.
	return `SELECT v.id, v.version, v.from_idx, v.to_idx, v.doc, p.value FROM (` + page + `) AS p CROSS JOIN record_version AS v
		WHERE v.` + of(l.kind.Name) + ` AND v.id = p.id AND v.version = p.version ORDER BY ` + strings.Join(outer, ", "), args, nil
}

func (l *listing) half(r *store.Reader, none bool, visit func(*Version) error) error {
	statement, args, err := l.statement(r.Dialect(), none)
	if err != nil {
		return err
	}
	v := Version{Kind: l.kind.Name}
	var doc store.Raw
	found, text := l.scanned()
	return r.Each(statement, args,
		[]any{&v.ID, &v.Version, &v.From, &v.To, &doc, found}, func() error {
			if l.q.Limit > 0 && l.shown == l.q.Limit {
				return errLimit
			}
			l.shown++
			l.last.ID, l.last.None = v.ID, none
			if l.q.Limit > 0 && l.sort != nil && !none {
				var err error
				if l.last.Last, err = json.Marshal(text()); err != nil {
					return err
				}
			}
			v.Doc = json.RawMessage(doc)
			return visit(&v)
		})
}

// afterID is the place of the last record among those that are otherwise equal, as its
// kind orders them (Kind.order).
func (l *listing) afterID(arg func(any) string) string {
	if l.kind.Prefix == "" {
		return arg(l.after.ID)
	}
	return arg(utf8.RuneCountInString(l.after.ID)) + ", " + arg(l.after.ID)
}

// scanned is where the value that is sorted by goes, and what is there.
func (l *listing) scanned() (into any, value func() any) {
	kind := valueText
	if l.sort != nil {
		kind = l.sort.kind
	}
	switch kind {
	case valueInt, valueTime:
		n := new(*int64)
		return n, func() any { return *n }
	case valueDouble:
		n := new(*float64)
		return n, func() any { return *n }
	}
	s := new(*string)
	return s, func() any { return *s }
}

// parameter is the value of a cursor as the database takes it.
func (c *column) parameter(raw json.RawMessage) (any, error) {
	var err error
	switch c.kind {
	case valueInt, valueTime:
		var n int64
		err = json.Unmarshal(raw, &n)
		if err == nil {
			return n, nil
		}
	case valueDouble:
		var n float64
		err = json.Unmarshal(raw, &n)
		if err == nil {
			return n, nil
		}
	default:
		var s string
		err = json.Unmarshal(raw, &s)
		if err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: it is not one of ours: %w", ErrCursor, err)
}

func (l *listing) next() (string, error) {
	data, err := json.Marshal(l.last)
	return base64.RawURLEncoding.EncodeToString(data), err
}
