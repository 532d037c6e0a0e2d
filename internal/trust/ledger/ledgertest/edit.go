package ledgertest

import (
	"github.com/klauspost/compress/s2"

	"scaf.dev/scaf/internal/platform/store"
)

// Edit changes the bundle that holds an event behind the ledger's back; what is
// edited is stored unpacked.
func Edit(tx *store.Tx, index int64, edit func(bundle []byte) error) error {
	var first int64
	var packed bool
	var bundle []byte
	if err := tx.One(`SELECT first, packing = 1, bodies FROM ledger_bundle WHERE first <= $1 ORDER BY first DESC LIMIT 1`,
		[]any{index}, []any{&first, &packed, &bundle}); err != nil {
		return err
	}
	if packed {
		const sum = 4 // behind the block
		var err error
		if bundle, err = s2.Decode(nil, bundle[:len(bundle)-sum]); err != nil {
			return err
		}
	}
	if err := edit(bundle); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE ledger_bundle SET packing = 0, bodies = $1 WHERE first = $2`, bundle, first)
	return err
}
