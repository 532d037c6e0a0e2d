package record

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"scaf.dev/scaf/internal/platform/store"
)

// errEnough ends a reading.
var errEnough = errors.New("enough")

// Mention visits the current records of a kind that have each of the words in a text anywhere in
// their documents, in any order, in capitals or not, in the order of their ids, and at most so many; it
// reports whether there are others. It looks into every document
// of the kind: ask it where Total is small.
func Mention(r *store.Reader, kind *Kind, words string, limit int, visit func(*Version) error) (more bool, err error) {
	if err := CheckWords(words); err != nil {
		return false, err
	}
	each := apart(words)
	var conditions []string
	var args []any
	for _, word := range each {
		quoted, err := inJSON(ways(word))
		if err != nil {
			return false, err
		}
		conditions = append(conditions, has(r.Dialect(), "doc", len(args)+1, len(quoted)))
		args = append(args, sought(r.Dialect(), quoted)...)
	}
	v, doc, n := Version{}, "", 0
	err = r.Each(`SELECT `+rowColumns+` FROM record_version WHERE `+of(kind.Name)+` AND to_idx IS NULL AND `+strings.Join(conditions, " AND ")+` ORDER BY id`, args,
		[]any{&v.ID, &v.Version, &v.From, &v.To, &doc}, func() error {
			var fields map[string]any
			if err := json.Unmarshal([]byte(doc), &fields); err != nil {
				return errors.Join(errors.New(kind.Name+"/"+v.ID+" version "+strconv.Itoa(v.Version)), err)
			}
			if slices.ContainsFunc(each, func(word string) bool {
				return !slices.ContainsFunc(ways(word), func(way string) bool { return said(fields, lower(way)) })
			}) {
				return nil // one of the words is in the name of a field only
			}
			if n++; n > limit {
				more = true
				return errEnough
			}
			found := v
			found.Kind, found.Doc = kind.Name, json.RawMessage(doc)
			return visit(&found)
		})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return more, err
}

// said reports whether a text in a value has the words in it.
func said(value any, words string) bool {
	has := func(value any) bool { return said(value, words) }
	switch value := value.(type) {
	case string:
		return strings.Contains(lower(value), words)
	case []any:
		return slices.ContainsFunc(value, has)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(value)), has)
	}
	return false
}
