package githistory

import (
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// Head is the branch that HEAD points to; where HEAD is detached, the commit
// itself under the reference "HEAD". ErrNoCommits where there is no commit yet.
func (r *Repository) Head() (Branch, error) {
	head, err := r.storage.Reference(plumbing.HEAD)
	if err != nil {
		return Branch{}, fmt.Errorf("HEAD: %w", err)
	}
	if head.Type() == plumbing.SymbolicReference {
		branch, err := r.Branch(head.Target().String())
		var unknown *UnknownBranchError
		if errors.As(err, &unknown) {
			err = fmt.Errorf("HEAD points to %s, which has no commit: %w", head.Target(), err)
		}
		return branch, err
	}
	tip, err := r.peel(head.Hash())
	if err != nil {
		return Branch{}, fmt.Errorf("HEAD: %w", err)
	}
	return Branch{Ref: plumbing.HEAD.String(), Tip: tip.String()}, nil
}
