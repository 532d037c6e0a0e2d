package attached

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Tagging is the tags of one record; its id is the record's reference.
type Tagging struct {
	ID   string    `json:"id"`
	Tags []string  `json:"tags"` // sorted
	At   time.Time `json:"at"`   // of the last change
	By   string    `json:"by"`
}

// maxTags is the most tags of a record.
const maxTags = 50

var tagShape = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// Tags is the register of tags.
var Tags = record.Define[Tagging](record.Definition{
	Kind: "tagging", Register: "taggings", Title: "Tags", At: "at", Internal: true, Personal: true,
	Purpose: "Words by which people group records.",
})

// Validate says what is wrong with the tags.
func (t *Tagging) Validate() []record.FieldError {
	for _, tag := range t.Tags {
		if !tagShape.MatchString(tag) {
			return []record.FieldError{{Field: "tags", Problem: fmt.Sprintf("%q is no tag: lowercase letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64", tag)}}
		}
	}
	if len(t.Tags) > maxTags {
		return []record.FieldError{{Field: "tags", Problem: fmt.Sprintf("a record has at most %d tags", maxTags)}}
	}
	return nil
}

// ChangeTags adds and removes tags of a record, which has to exist.
func ChangeTags(tx *act.Tx, kinds record.Kinds, ref string, add, remove []string) (*Tagging, error) {
	if err := exists(&tx.Reader, kinds, ref); err != nil {
		return nil, err
	}
	before, version, err := current[Tagging](&tx.Reader, Tags, ref)
	if err != nil {
		return nil, err
	}
	after := &Tagging{ID: ref, Tags: []string{}, At: tx.Now(), By: tx.Caller().ID}
	if before != nil {
		after.Tags = append(after.Tags, before.Tags...)
	}
	for _, tag := range remove {
		if !slices.Contains(after.Tags, tag) {
			return nil, fmt.Errorf("%w: %s has no tag %s", record.ErrNone, ref, tag)
		}
	}
	after.Tags = slices.DeleteFunc(after.Tags, func(tag string) bool { return slices.Contains(remove, tag) })
	after.Tags = append(after.Tags, add...)
	slices.Sort(after.Tags)
	after.Tags = slices.Compact(after.Tags)
	if before != nil && slices.Equal(before.Tags, after.Tags) || before == nil && len(after.Tags) == 0 {
		return nil, fmt.Errorf("%w: the tags of %s", record.ErrSame, ref)
	}
	return after, put(tx, Tags, "changed", ref, version, after)
}

// Tagged are the marks of records that have all of these tags. What is no tag is
// record.ErrFilter.
func Tagged(tags ...string) ([]record.Mark, error) {
	var marks []record.Mark
	for _, tag := range tags {
		if !tagShape.MatchString(tag) {
			return nil, fmt.Errorf("%w: %q is no tag: lowercase letters, digits, '.', '_' and '-'", record.ErrFilter, tag)
		}
		marks = append(marks, record.Mark{Kind: Tags, Field: "tags", Value: tag})
	}
	if len(marks) > maxTags {
		return nil, fmt.Errorf("%w: a record has at most %d tags", record.ErrFilter, maxTags)
	}
	return marks, nil
}

// TagsOf are the tags of a record, sorted.
func TagsOf(r *store.Reader, ref string) ([]string, error) {
	tags, _, err := current[Tagging](r, Tags, ref)
	if tags == nil || err != nil {
		return []string{}, err
	}
	return tags.Tags, nil
}
