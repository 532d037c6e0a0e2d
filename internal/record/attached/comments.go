package attached

import (
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Comment is what somebody said about a record. It is never changed.
type Comment struct {
	ID   string    `json:"id"`
	Ref  string    `json:"ref"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
	By   string    `json:"by"`
}

// maxComment is the most bytes of a comment.
const maxComment = 20_000

// Comments is the register of comments.
var Comments = record.Define[Comment](record.Definition{
	Kind: "comment", Register: "comments", Title: "Comments", At: "at", Internal: true, Personal: true,
	Purpose: "What people wrote beside records.",
	Columns: []record.Column{{Field: "ref", Label: "Record", Filter: true}},
})

// Validate says what is wrong with a comment.
func (c *Comment) Validate() []record.FieldError {
	if strings.TrimSpace(c.Text) == "" {
		return []record.FieldError{{Field: "text", Problem: "is empty"}}
	}
	if len(c.Text) > maxComment {
		return []record.FieldError{{Field: "text", Problem: fmt.Sprintf("has %d bytes, at most %d are taken: attach a file", len(c.Text), maxComment)}}
	}
	return nil
}

// AddComment adds a comment to a record, which has to exist.
func AddComment(tx *act.Tx, kinds record.Kinds, ref, text string) (*Comment, error) {
	if err := exists(&tx.Reader, kinds, ref); err != nil {
		return nil, err
	}
	comment := &Comment{ID: tx.NewID(), Ref: ref, Text: text, At: tx.Now(), By: tx.Caller().ID}
	return comment, put(tx, Comments, "added", comment.ID, 0, comment)
}

// CommentsOf are the comments on a record, the oldest first.
func CommentsOf(r *store.Reader, ref string) ([]Comment, error) {
	return of[Comment](r, Comments, "ref", ref)
}
