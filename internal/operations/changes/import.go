package changes

import (
	"context"
	"fmt"
	"iter"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/changes/githistory"
	"scaf.dev/scaf/internal/record"
)

// GitImport takes the commits of a local repository into the register. Commits
// that are in the register already are passed over.
type GitImport struct {
	Door   *act.Door
	Caller act.Caller

	Path   string // of the repository: bare, or with a working tree
	Branch string // empty: the branch of HEAD
	// Since and Until bound the commit time, half-open; zero times do not.
	Since, Until time.Time
	// Repository names the repository in the register; empty: host and path of
	// the remote origin, or the name of the folder.
	Repository string
	// Trailers are those that name a reviewer; empty: Reviewed-by, Acked-by,
	// Approved-by.
	Trailers []string
	// Progress is told how many commits have been taken or passed over; how
	// many there are is not known before the end.
	Progress func(done int64)
}

// gitQuery is the exact query of an import.
type gitQuery struct {
	Path       string     `json:"path"`
	Repository string     `json:"repository"`
	Branch     string     `json:"branch"` // full name of the reference
	Tip        string     `json:"tip"`    // the commit that it pointed to
	Since      *time.Time `json:"since"`  // commit time; null is open
	Until      *time.Time `json:"until"`
	Trailers   []string   `json:"trailers"`
}

// GitDetails say what was met while walking the history.
type GitDetails struct {
	Walked  int  `json:"walked"`  // commits reachable from the branch
	Shallow bool `json:"shallow"` // the repository is a shallow clone
	CutOff  int  `json:"cut_off"` // parents that it leaves out
	// Undated counts commits without a readable commit time: they count as of
	// 1970-01-01, as Git has it. UndatedIDs has the first of them.
	Undated    int      `json:"undated"`
	UndatedIDs []string `json:"undated_ids,omitempty"`
}

const importGit = "import.git"

// Run reads the history and takes it. An error says that nothing could be
// read, or that the register could not be written; a history that breaks off
// is no error, but makes the import incomplete. What was done is recorded as
// the last event of the import.
func (g GitImport) Run(ctx context.Context) (done *record.Completed, err error) {
	if err := g.Door.Check(ctx, g.Caller, importGit, Register.Register); err != nil {
		return nil, err
	}
	repository, err := githistory.Open(g.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = repository.Close() }() // it was only read
	branch, err := g.branch(repository)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", g.Path, err)
	}
	if g.Repository == "" {
		g.Repository = repository.Name()
	}
	if len(g.Trailers) == 0 {
		g.Trailers = githistory.DefaultReviewerKeys()
	}
	walk := repository.Walk(branch, githistory.Query{Since: g.Since, Until: g.Until, ReviewerKeys: g.Trailers, Repository: g.Repository})
	history := &history{walk: walk}
	intake := record.Intake{Door: g.Door, Caller: g.Caller, Kind: Register, Action: importGit, Progress: g.Progress}
	summary, err := intake.Run(ctx, history.items(ctx))
	if err != nil {
		return nil, err
	}
	query := gitQuery{Path: g.Path, Repository: g.Repository, Branch: branch.Ref, Tip: branch.Tip, Since: bound(g.Since), Until: bound(g.Until), Trailers: g.Trailers}
	done = &record.Completed{
		Source: "git", Register: Register.Register, Scope: g.Repository, Since: query.Since, Until: query.Until,
		Query: query, Summary: summary, Complete: true, Gaps: []string{},
	}
	history.judge(repository, done)
	return done, record.Complete(ctx, g.Door, g.Caller, importGit, "git", *done)
}

func (g GitImport) branch(repository *githistory.Repository) (githistory.Branch, error) {
	if g.Branch == "" {
		return repository.Head()
	}
	return repository.Branch(g.Branch)
}

func bound(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

// history is a walk, and the error at which it broke off.
type history struct {
	walk   *githistory.Walk
	broken error
}

// items gives the commits as documents of the register.
func (h *history) items(ctx context.Context) iter.Seq2[record.Item, error] {
	return func(yield func(record.Item, error) bool) {
		for commit, err := range h.walk.Changes(ctx) {
			if err != nil && ctx.Err() != nil {
				yield(record.Item{}, err)
				return
			}
			if h.broken = err; err != nil {
				return
			}
			if !yield(record.Item{Where: "commit " + commit.ID, Doc: fromCommit(&commit)}, nil) {
				return
			}
		}
	}
}

// judge says whether the history was read whole.
func (h *history) judge(repository *githistory.Repository, done *record.Completed) {
	stats := h.walk.Stats()
	done.Details = GitDetails{Walked: stats.Walked, Shallow: repository.Shallow(), CutOff: stats.CutOff, Undated: stats.UndatedCount, UndatedIDs: stats.Undated}
	if h.broken != nil {
		done.Read++
		done.Refuse("the history", h.broken)
		done.Miss("the history could not be read to its end: %v", h.broken)
	} else if done.Refused > 0 {
		done.Miss("%d commits were refused", done.Refused)
	}
	switch {
	case stats.CutOff > 0:
		done.Miss("the repository is a shallow clone that leaves out %d parents and everything before them", stats.CutOff)
	case repository.Shallow():
		done.Miss("the repository is a shallow clone")
	}
}

// fromCommit is the change that a commit is.
func fromCommit(c *githistory.Change) *Change {
	change := &Change{
		ID: c.ID, Title: c.Title, Author: Person(c.Author), Committer: Person(c.Committer),
		Reviewers:  make([]Person, len(c.Reviewers)),
		AuthoredAt: &c.AuthoredAt, MergedAt: &c.MergedAt, Merge: c.Merge, Repository: c.Repository,
		Asserted: true, State: Merged,
	}
	for i, reviewer := range c.Reviewers {
		change.Reviewers[i] = Person(reviewer)
	}
	return change
}
