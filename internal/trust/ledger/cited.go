package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"scaf.dev/scaf/internal/platform/store"
)

// citedRoots checks on all cores that the log had the roots that events cite.
func (v *verifying) citedRoots(ctx context.Context, db *store.DB) error {
	sizes := slices.Sorted(maps.Keys(v.cited))
	group, ctx := errgroup.WithContext(ctx)
	for share := range slices.Chunk(sizes, max(1, (len(sizes)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))) {
		group.Go(func() error {
			return db.Read(ctx, func(r *store.Reader) error {
				hashes, err := gather(hashReader(r, v.head), v.head, share)
				if err != nil {
					return err
				}
				for _, size := range share {
					if err := sameRoot(hashes, v.head, size, v.cited[size], "an event cites"); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	return group.Wait()
}

// gathered holds hashes of a tree by their index.
type gathered map[int64]tlog.Hash

// ReadHashes implements tlog.HashReader.
func (g gathered) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = g[index]
	}
	return hashes, nil
}

// gather reads at once what the roots of these sizes are made of: a tile is held
// against the root of the head once, and not for every size.
func gather(hashes tlog.HashReader, head Head, sizes []int64) (gathered, error) {
	all := gathered{}
	note := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		for _, index := range indexes {
			all[index] = tlog.Hash{}
		}
		return all.ReadHashes(indexes)
	})
	for _, size := range sizes {
		if size > head.Size { // sameRoot says so
			continue
		}
		if _, err := tlog.TreeHash(size, note); err != nil {
			return nil, err
		}
	}
	indexes := slices.Sorted(maps.Keys(all))
	read, err := hashes.ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	for i, index := range indexes {
		all[index] = read[i]
	}
	return all, nil
}

// cite notes the checkpoint that an own event cites.
func (v *verifying) cite(event *Event) error {
	size, root, err := cited(event)
	if err != nil || root == nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if before, ok := v.cited[size]; ok && !bytes.Equal(before, root) {
		return damage("two events cite checkpoints of size %d with different roots", size)
	}
	v.cited[size] = root
	return nil
}

// cited is the checkpoint that an own event cites: in its data, or in the
// document of the record that it makes. Without one the root is nil.
func cited(event *Event) (size int64, root []byte, err error) {
	if !bytes.Contains(event.Data, []byte(`"checkpoint"`)) {
		return 0, nil, nil
	}
	type checkpoint struct {
		Size int64  `json:"size"`
		Root string `json:"root"`
	}
	var data struct {
		Checkpoint *checkpoint `json:"checkpoint"`
		Document   struct {
			Checkpoint *checkpoint `json:"checkpoint"`
		} `json:"document"`
	}
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return 0, nil, nil //nolint:nilerr // whoever uses the data says so
	}
	found := cmp.Or(data.Checkpoint, data.Document.Checkpoint)
	if found == nil {
		return 0, nil, nil
	}
	if root, err = parseHash(found.Root); err != nil || found.Size < 0 || found.Size > event.Index {
		return 0, nil, &DamageError{event.Index, "cites a checkpoint that lies after it or cannot be read"}
	}
	return found.Size, root, nil
}

// sameRoot checks that the log had this root at this size.
func sameRoot(hashes tlog.HashReader, head Head, size int64, want []byte, who string) error {
	if size > head.Size {
		return damage("%s a checkpoint of size %d, the log has only %d events: it was cut back", who, size, head.Size)
	}
	root, err := tlog.TreeHash(size, hashes)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if !bytes.Equal(root[:], want) {
		return damage("%s a checkpoint of size %d with root %s, the log had %s", who, size, hexHash(want), hexHash(root[:]))
	}
	return nil
}

// consistentWith checks that the signed checkpoint is an earlier state of
// this log.
func consistentWith(r *store.Reader, head Head, signed, verifierKey, who string) error {
	checkpoint, err := OpenCheckpoint(signed, verifierKey)
	if err != nil {
		return damage("%s: %v", who, err)
	}
	return sameRoot(hashReader(r, head), head, int64(checkpoint.Size), checkpoint.Hash, who+" holds")
}

func parseHash(text string) ([]byte, error) {
	hash, err := hex.DecodeString(text)
	if err == nil && len(hash) != tlog.HashSize {
		err = errors.New("a hash has 64 hexadecimal digits")
	}
	return hash, err
}
