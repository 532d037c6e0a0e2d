package ledger

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	f_log "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/platform/store"
)

// Proof shows that an event is in the log of a signed checkpoint. It is
// checked offline with nothing but the log's verifier key.
type Proof struct {
	Index      int64    `json:"index"`
	Event      []byte   `json:"event"`           // the stored bytes (base64 in JSON)
	LeafHash   string   `json:"leaf_hash"`       // lowercase hex
	Inclusion  []string `json:"inclusion_proof"` // RFC 6962 audit path, lowercase hex, leaf to root
	Checkpoint string   `json:"checkpoint"`      // C2SP signed note
}

// ErrProof says: the proof does not hold.
var ErrProof = errors.New("the proof does not hold")

// Prove makes the inclusion proof of an event against the latest checkpoint.
func Prove(r *store.Reader, index int64) (*Proof, error) {
	head, err := readHead(r, "")
	if err != nil {
		return nil, err
	}
	event, err := Get(r, index)
	if err != nil {
		return nil, err
	}
	path, err := tlog.ProveRecord(head.Size, index, hashReader(r, head))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	proof := &Proof{Index: index, Event: event.Body, LeafHash: event.LeafHash, Inclusion: []string{}, Checkpoint: head.Checkpoint}
	for _, hash := range path {
		proof.Inclusion = append(proof.Inclusion, hex.EncodeToString(hash[:]))
	}
	return proof, nil
}

// hashReader reads hashes of the tree under the head, each checked against
// its root.
func hashReader(r *store.Reader, head Head) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: head.Size, Hash: head.Hash()}, &tiles{r, map[tlog.Tile][]byte{}})
}

// ProveConsistency makes the RFC 6962 proof that the log of size old is a
// prefix of the latest one.
func ProveConsistency(r *store.Reader, old int64) (tlog.TreeProof, Head, error) {
	head, err := readHead(r, "")
	if err != nil {
		return nil, head, err
	}
	if old < 1 || old > head.Size {
		return nil, head, fmt.Errorf("%w: a log of size %d has no prefix of size %d", ErrNoEvent, head.Size, old)
	}
	proof, err := tlog.ProveTree(head.Size, old, hashReader(r, head))
	if err != nil {
		return nil, head, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return proof, head, nil
}

// RootAt computes the root that the log had at an earlier size.
func RootAt(r *store.Reader, size int64) (tlog.Hash, error) {
	head, err := readHead(r, "")
	if err != nil {
		return tlog.Hash{}, err
	}
	if size < 0 || size > head.Size {
		return tlog.Hash{}, fmt.Errorf("%w: the log has size %d, not %d yet", ErrNoEvent, head.Size, size)
	}
	return tlog.TreeHash(size, hashReader(r, head))
}

// OpenCheckpoint verifies a signed checkpoint with the log's verifier key and
// returns its size and root.
func OpenCheckpoint(signed, verifierKey string) (*f_log.Checkpoint, error) {
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return nil, fmt.Errorf("the verifier key %w: it is one line like name+hash+key", ErrUnreadable)
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return nil, fmt.Errorf("%w: the checkpoint is not signed by %s: %w", ErrProof, verifier.Name(), err)
	}
	if !strictlyEncoded(opened) {
		return nil, fmt.Errorf("%w: the checkpoint's signature is not in its one encoding", ErrProof)
	}
	var checkpoint f_log.Checkpoint
	if _, err := checkpoint.Unmarshal([]byte(opened.Text)); err != nil {
		return nil, fmt.Errorf("%w: the checkpoint cannot be read: %w", ErrProof, err)
	}
	if checkpoint.Origin != verifier.Name() {
		return nil, fmt.Errorf("%w: the checkpoint is of %s, the key of %s", ErrProof, checkpoint.Origin, verifier.Name())
	}
	if len(checkpoint.Hash) != tlog.HashSize || int64(checkpoint.Size) < 0 {
		return nil, fmt.Errorf("%w: the checkpoint's size or root is out of range", ErrProof)
	}
	return &checkpoint, nil
}

// strictlyEncoded reports whether the signatures are in the one form in which
// they were written. Base64 has spare bits at its end, which note.Open lets
// pass: a byte could be changed there and nobody would notice.
func strictlyEncoded(opened *note.Note) bool {
	for _, signature := range opened.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(signature.Base64); err != nil {
			return false
		}
	}
	return true
}

// Check verifies the proof with the log's verifier key. Nil means: the event
// with exactly these bytes is at this index of the log that the key's holder
// signed. The error is ErrProof and says what fails.
func (p *Proof) Check(verifierKey string) (*f_log.Checkpoint, error) {
	checkpoint, err := OpenCheckpoint(p.Checkpoint, verifierKey)
	if err != nil {
		return nil, err
	}
	if p.Index < 0 || p.Index >= int64(checkpoint.Size) {
		return nil, fmt.Errorf("%w: index %d lies outside the checkpoint's %d events", ErrProof, p.Index, checkpoint.Size)
	}
	leaf := leafHash(p.Event)
	if got := hexHash(leaf); got != p.LeafHash {
		return nil, fmt.Errorf("%w: the event's bytes hash to %s, not to %s", ErrProof, got, p.LeafHash)
	}
	var path tlog.RecordProof
	for i, text := range p.Inclusion {
		hash, err := hex.DecodeString(text)
		if err != nil || len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("%w: hash %d of the path is not 64 hexadecimal digits", ErrProof, i)
		}
		path = append(path, tlog.Hash(hash))
	}
	if err := tlog.CheckRecord(path, int64(checkpoint.Size), tlog.Hash(checkpoint.Hash), p.Index, tlog.Hash(leaf)); err != nil {
		return nil, fmt.Errorf("%w: the path from event %d does not lead to the checkpoint's root", ErrProof, p.Index)
	}
	return checkpoint, nil
}

// ErrUnreadable says: this is no proof, or no key.
var ErrUnreadable = errors.New("cannot be read")

// ReadProof reads a proof file. The error is ErrUnreadable.
func ReadProof(data []byte) (*Proof, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var p Proof
	if err := decoder.Decode(&p); err != nil {
		return nil, fmt.Errorf("the proof file %w: %w", ErrUnreadable, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the proof file %w: there is more in it than one proof", ErrUnreadable)
	}
	return &p, nil
}
