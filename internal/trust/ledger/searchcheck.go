package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"scaf.dev/scaf/internal/platform/store"
)

// text is what is signed of a block. Its first line is no log's origin, so
// that it can never be taken for a checkpoint.
func (b *searchBlock) text(origin string) string {
	hash := sha256.New()
	for _, column := range [][]byte{b.types, b.subjects, b.actors, b.moment} {
		_, _ = fmt.Fprintf(hash, "%d:", len(column)) // a hash takes everything
		_, _ = hash.Write(column)
	}
	return fmt.Sprintf("scaf.dev/search-index\n%s\n%d\n%x\n", origin, b.number, hash.Sum(nil))
}

// searchIndex checks that there is a row for every full block of events, and
// that each is as it was signed.
func (v *verifying) searchIndex(r *store.Reader) error {
	verifier, err := note.NewVerifier(v.VerifierKey)
	if err != nil {
		return fmt.Errorf("%w: the verifier key cannot be read", ErrProof)
	}
	blocks := v.head.Size / blockEvents
	var expected int64
	var row searchBlock
	var types, subjects, actors, moment, signed store.Raw
	err = r.Each(`SELECT block, types, subjects, actors, times, note FROM ledger_search WHERE block < $1 ORDER BY block`, []any{blocks},
		[]any{&row.number, &types, &subjects, &actors, &moment, &signed}, func() error {
			if row.number != expected {
				return damage("block %d of the search index is missing", expected)
			}
			expected++
			row.types, row.subjects, row.actors, row.moment = types, subjects, actors, moment
			opened, err := note.Open(signed, note.VerifierList(verifier))
			if err != nil || opened.Text != row.text(v.head.Origin) || !strictlyEncoded(opened) {
				return damage("the search index of the events %d to %d is not what was signed", row.number*blockEvents, (row.number+1)*blockEvents-1)
			}
			return nil
		})
	if err == nil && expected != blocks {
		err = damage("block %d of the search index is missing", expected)
	}
	return err
}

// checkSearchEnd finds rows for blocks that are not full.
func checkSearchEnd(r *store.Reader, size int64) error {
	var more int64
	if err := r.One(`SELECT count(*) FROM ledger_search WHERE block >= $1`, []any{size / blockEvents}, []any{&more}); err != nil {
		return err
	}
	if more > 0 {
		return damage("the search index has %d blocks more than a log of size %d has full ones", more, size)
	}
	return nil
}

// sameIndex compares a block that was computed from the events with its row.
func sameIndex(r *store.Reader, computed *searchBlock) error {
	var row searchBlock
	err := r.One(`SELECT types, subjects, actors, times FROM ledger_search WHERE block = $1`, []any{computed.number},
		[]any{&row.types, &row.subjects, &row.actors, &row.moment})
	if errors.Is(err, store.ErrNotFound) {
		return damage("block %d of the search index is missing", computed.number)
	}
	if err != nil {
		return err
	}
	if len(row.types) != 4*blockEvents || len(row.subjects) != 4*blockEvents || len(row.actors) != 4*blockEvents || len(row.moment) != 8*blockEvents {
		return damage("block %d of the search index is not %d events wide", computed.number, blockEvents)
	}
	for i := range int64(blockEvents) {
		at, wide := i*4, i*8
		if !bytes.Equal(row.types[at:at+4], computed.types[at:at+4]) || !bytes.Equal(row.subjects[at:at+4], computed.subjects[at:at+4]) ||
			!bytes.Equal(row.actors[at:at+4], computed.actors[at:at+4]) || !bytes.Equal(row.moment[wide:wide+8], computed.moment[wide:wide+8]) {
			return &DamageError{computed.number*blockEvents + i, "the search index has another type, subject, actor or time for it"}
		}
	}
	return nil
}
