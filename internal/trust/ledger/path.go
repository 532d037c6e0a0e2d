package ledger

import (
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// PathStep is a step of an inclusion proof from the leaf to the root.
type PathStep struct {
	// Sibling is the hash that the proof gives, lowercase hex; Left: it stands to the
	// left of what is known so far.
	Sibling string
	Left    bool
	// Hash is that of both together, lowercase hex: the root, at the last step.
	Hash string
}

// Path is how the leaf's hash and those of the proof come to the root of a log of
// a size (RFC 9162, 2.1.3.2). It is for showing: whether the proof holds is what
// Check says.
func (p *Proof) Path(size int64) ([]PathStep, error) {
	known, err := tlogHash(p.LeafHash)
	if err != nil {
		return nil, err
	}
	steps := []PathStep{}
	at, last := p.Index, size-1
	for _, text := range p.Inclusion {
		sibling, err := tlogHash(text)
		if err != nil {
			return nil, err
		}
		step := PathStep{Sibling: text, Left: at&1 == 1 || at == last}
		if step.Left {
			known = tlog.NodeHash(sibling, known)
			for at&1 == 0 && at != 0 { // levels at which there is nothing to the right
				at, last = at>>1, last>>1
			}
		} else {
			known = tlog.NodeHash(known, sibling)
		}
		at, last = at>>1, last>>1
		step.Hash = hex.EncodeToString(known[:])
		steps = append(steps, step)
	}
	return steps, nil
}

func tlogHash(text string) (hash tlog.Hash, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != tlog.HashSize {
		return hash, fmt.Errorf("%w: %q is not 64 hexadecimal digits", ErrProof, text)
	}
	copy(hash[:], raw)
	return hash, nil
}
