package githistory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

const (
	// maxCommit is the largest commit that is read, in bytes.
	maxCommit = 16 << 20
	// progressEvery is how many commits pass between two calls of Query.Progress.
	progressEvery = 1000
	// maxUndated is how many ids Stats.Undated holds.
	maxUndated = 20
)

// DefaultReviewerKeys are the trailers that name a reviewer unless a Query says otherwise.
func DefaultReviewerKeys() []string { return []string{"Reviewed-by", "Acked-by", "Approved-by"} }

// Change is a commit as the register of changes takes it. All text is valid UTF-8 without NUL;
// what could not be decoded is U+FFFD.
type Change struct {
	ID         string    `json:"id"`    // hexadecimal commit id
	Title      string    `json:"title"` // first paragraph on one line, at most 1,000 characters, the last one an ellipsis if it was cut
	Author     Person    `json:"author"`
	Committer  Person    `json:"committer"`
	Reviewers  []Person  `json:"reviewers"`   // asserted by trailers; each once, never the author; never nil
	AuthoredAt time.Time `json:"authored_at"` // UTC, whole seconds; 1970-01-01 where it cannot be read
	MergedAt   time.Time `json:"merged_at"`   // commit time; as AuthoredAt
	Merge      bool      `json:"merge"`       // more than one parent
	Repository string    `json:"repository"`
	Parents    []string  `json:"-"` // hexadecimal commit ids, in order
}

// Query says which commits of a branch are taken, and how.
type Query struct {
	Since, Until time.Time // commit time in [Since, Until); a zero time is open
	ReviewerKeys []string  // trailers that name a reviewer, ignoring case; nil is DefaultReviewerKeys
	Repository   string    // the name of the repository; empty is Repository.Name
	// Progress, if set, is called every 1,000 commits and at the end with the commits read so
	// far. How many there are in all is known only at the end.
	Progress func(walked int)
}

// Stats says what a walk met.
type Stats struct {
	Walked int // commits read
	Taken  int // commits in the interval
	// CutOff counts parents that a shallow clone leaves out. Above zero the population is not
	// complete.
	CutOff int
	// UndatedCount counts commits whose commit time cannot be read (missing, negative, after
	// the year 9999). Git takes them for 1970-01-01, and so does this package: no real period
	// contains them. Undated has the ids of the first 20.
	UndatedCount int
	Undated      []string
}

// Walk is one reading of a branch's history.
type Walk struct {
	repository *Repository
	branch     Branch
	query      Query
	stats      Stats
}

// Walk prepares to read the history of a branch.
func (r *Repository) Walk(b Branch, q Query) *Walk {
	if q.ReviewerKeys == nil {
		q.ReviewerKeys = DefaultReviewerKeys()
	}
	if q.Repository == "" {
		q.Repository = r.name
	}
	return &Walk{repository: r, branch: b, query: q}
}

// Stats says what was met so far. It is final once Changes has ended.
func (w *Walk) Stats() Stats { return w.stats }

type pending struct{ commit, child plumbing.Hash }

// Changes streams every commit that can be reached from the branch through any parent, and
// whose commit time lies in the interval, once. Nothing is left out because of its date or of
// its neighbours' dates, so clocks that were wrong do not hide commits.
//
// The order is depth first from the tip, first parents first: the same at every reading of the
// same tip, and not sorted by time. Memory grows by the ids of the commits only.
//
// The first error ends the stream: a commit that is missing, cannot be decoded or does not have
// the id that it is stored under, or the context's end. Changes is called once per Walk.
func (w *Walk) Changes(ctx context.Context) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		w.stats = Stats{}
		texts := decoders{}
		tip := plumbing.NewHash(w.branch.Tip)
		seen := map[plumbing.Hash]struct{}{tip: {}}
		stack := []pending{{commit: tip}}
		var buffer []byte
		for len(stack) > 0 {
			if err := ctx.Err(); err != nil {
				yield(Change{}, err)
				return
			}
			next := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			var err error
			if buffer, err = w.repository.read(next, buffer); err != nil {
				yield(Change{}, err)
				return
			}
			h, message, err := splitCommit(buffer)
			if err != nil {
				yield(Change{}, fmt.Errorf("commit %s is malformed: %w", next.commit, err))
				return
			}
			w.stats.Walked++
			if _, cut := w.repository.shallow[next.commit]; cut {
				w.stats.CutOff += len(h.parents)
			} else {
				for i := len(h.parents) - 1; i >= 0; i-- {
					p := h.parents[i]
					if _, known := seen[p]; !known {
						seen[p] = struct{}{}
						stack = append(stack, pending{commit: p, child: next.commit})
					}
				}
			}
			if w.query.Progress != nil && w.stats.Walked%progressEvery == 0 {
				w.query.Progress(w.stats.Walked)
			}
			change, taken := w.change(next.commit, h, message, texts)
			if taken && !yield(change, nil) {
				return
			}
		}
		if w.query.Progress != nil {
			w.query.Progress(w.stats.Walked)
		}
	}
}

// change makes a change of a commit if its commit time lies in the interval.
func (w *Walk) change(id plumbing.Hash, h header, message []byte, texts decoders) (Change, bool) {
	name, email, at, dated := splitIdent(h.committer)
	if !dated {
		w.stats.UndatedCount++
		if len(w.stats.Undated) < maxUndated {
			w.stats.Undated = append(w.stats.Undated, id.String())
		}
	}
	q := w.query
	if !q.Since.IsZero() && at.Before(q.Since) || !q.Until.IsZero() && !at.Before(q.Until) {
		return Change{}, false
	}
	w.stats.Taken++
	c := Change{
		ID:         id.String(),
		Committer:  person(name, email, h.encoding, texts),
		MergedAt:   at,
		Merge:      len(h.parents) > 1,
		Repository: q.Repository,
		Parents:    make([]string, len(h.parents)),
	}
	for i, p := range h.parents {
		c.Parents[i] = p.String()
	}
	name, email, c.AuthoredAt, _ = splitIdent(h.author)
	c.Author = person(name, email, h.encoding, texts)
	text := texts.text(message, h.encoding)
	c.Title = shorten(Subject(text))
	c.Reviewers = reviewers(text, q.ReviewerKeys, c.Author)
	return c, true
}

func person(name, email, declared []byte, texts decoders) Person {
	return Person{Name: shorten(texts.text(name, declared)), Email: shorten(texts.text(email, declared))}
}

// read reads the bytes of a commit into buffer and checks them against the commit's id.
func (r *Repository) read(next pending, buffer []byte) ([]byte, error) {
	o, err := r.commit(next.commit)
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound) && next.child.IsZero():
		return nil, fmt.Errorf("commit %s, the tip of the branch, is missing from the repository or is not a commit", next.commit)
	case errors.Is(err, plumbing.ErrObjectNotFound):
		return nil, fmt.Errorf("commit %s, a parent of %s, is missing from the repository: the history is not complete", next.commit, next.child)
	case err != nil:
		return nil, fmt.Errorf("commit %s %w", next.commit, err)
	case o.Size() > maxCommit:
		return nil, fmt.Errorf("commit %s has %d bytes, more than the limit of %d", next.commit, o.Size(), maxCommit)
	}
	reader, err := o.Reader()
	if err != nil {
		return nil, fmt.Errorf("commit %s %w", next.commit, damaged(err))
	}
	defer reader.Close()
	size := int(o.Size())
	if cap(buffer) < size {
		buffer = make([]byte, size, 2*size)
	}
	buffer = buffer[:size]
	if _, err := io.ReadFull(reader, buffer); err != nil {
		return nil, fmt.Errorf("commit %s %w", next.commit, damaged(err))
	}
	if plumbing.ComputeHash(plumbing.CommitObject, buffer) != next.commit {
		return nil, fmt.Errorf("commit %s is damaged: its bytes do not have this id", next.commit)
	}
	return buffer, nil
}
