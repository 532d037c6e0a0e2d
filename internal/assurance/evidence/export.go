package evidence

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/durable"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Exporter writes bundles.
type Exporter struct {
	DB     *store.DB
	Door   *act.Door
	Kinds  record.Kinds
	Blobs  blob.Store
	Engine string // of the program
	// Controls are the control files that are in use now, by their hashes: for
	// results that were computed before control files were kept as evidence.
	Controls map[string][]byte
	// Roots are the certificates, in PEM, that the time stamp authorities'
	// chains end in; empty for none.
	Roots []byte
	// Progress is told how many events have been written, of how many.
	Progress func(done, total int64)
}

// Written is what an export came to.
type Written struct {
	Origin     string     `json:"origin"`
	Period     string     `json:"period"`
	Checkpoint Checkpoint `json:"checkpoint"`
	Manifest   string     `json:"manifest_sha256"`
	Event      int64      `json:"event"` // index of the event that vouches for it
	Files      int        `json:"files"`
	Bytes      int64      `json:"bytes"`
	Clear      []string   `json:"clear"`
	// LeftOut counts files attached to records of the period for which there was
	// no room.
	LeftOut int `json:"attachments_left_out,omitempty"`
	// Differences are what verifying will find: results that cannot be computed
	// again, and why.
	Differences []string `json:"differences"`
}

// anchor shows that the ledger vouches for a manifest: the export's event,
// proven against a later checkpoint, which continues the bundle's.
type anchor struct {
	Proof       *ledger.Proof `json:"proof"`
	Consistency []string      `json:"consistency_proof"` // RFC 6962, lowercase hex
}

// Export writes the bundle of a period to a file, which is there whole or not
// at all, and records that it did. Everything is of one state of the ledger.
// Whoever may export reads every event, personal data included: the event says
// which registers with personal data were given away.
func (x *Exporter) Export(ctx context.Context, caller act.Caller, period, path string) (_ *Written, err error) {
	if err := x.Door.Check(ctx, caller, "evidence.export", "period/"+period); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name()) // the first error is the one to tell
		}
	}()
	out := bufio.NewWriterSize(file, 1<<20)
	run := &exporting{Exporter: x, packer: newPacker(out), done: &Written{Period: period, Differences: []string{}, Clear: []string{}}}
	if err := x.DB.Read(ctx, func(r *store.Reader) error { return run.files(ctx, r) }); err != nil {
		return nil, err
	}
	if err := run.seal(ctx, caller); err != nil {
		return nil, err
	}
	if err := errors.Join(run.packer.zip.Close(), out.Flush()); err != nil {
		return nil, err
	}
	const readable = 0o600 // personal data may be in it
	if err := errors.Join(file.Chmod(readable), file.Sync(), file.Close()); err != nil {
		return nil, err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return nil, err
	}
	return run.done, durable.SyncDir(filepath.Dir(path))
}

// exporting is one export.
type exporting struct {
	*Exporter
	packer  *packer
	done    *Written
	account *account
}

// files writes everything that the manifest lists.
func (x *exporting) files(ctx context.Context, r *store.Reader) error {
	head, err := ledger.ReadHead(r)
	if err != nil {
		return err
	}
	from := populations.Stored(r)
	if x.account, err = readAccount(from, x.done.Period); err != nil {
		return err
	}
	x.done.Origin, x.done.Checkpoint = head.Origin, Checkpoint{head.Size, hex.EncodeToString(head.Root)}
	for _, kind := range x.Kinds {
		if kind.Personal {
			x.done.Clear = append(x.done.Clear, kind.Register)
		}
	}
	page, err := index(x.done.Origin, x.done.Checkpoint, x.Engine, x.account)
	if err != nil {
		return err
	}
	if err := errors.Join(
		x.packer.add(indexFile, "page to read the bundle by", page),
		x.packer.add(periodFile, "the period, as recorded", x.account.Period.doc),
		x.packer.add(logFolder+ledger.CheckpointPath, "signed checkpoint (C2SP signed note)", []byte(head.Checkpoint)),
	); err != nil {
		return err
	}
	if err := ledger.EachFile(r, head.Size, x.Progress, func(path string, data []byte) error {
		return x.packer.add(logFolder+path, "of the log (C2SP tlog-tiles)", data)
	}); err != nil {
		return err
	}
	if len(x.Roots) > 0 {
		if err := x.packer.add(rootsFile, "certificates of the time stamp authorities", x.Roots); err != nil {
			return err
		}
	}
	for _, one := range decided {
		lines, err := decisions(from, one.kind, x.done.Period)
		if err != nil {
			return err
		}
		if err := x.packer.add(decidedPath(one.kind), one.what, lines); err != nil {
			return err
		}
	}
	for _, hash := range x.account.controlFiles() {
		data, err := x.controlFile(ctx, hash)
		if err != nil {
			return err
		}
		if data == nil {
			continue // perform says which populations cannot be computed again
		}
		if err := x.packer.add(controlPath(hash), "control file", data); err != nil {
			return err
		}
	}
	if err := x.results(ctx, r, from); err != nil {
		return err
	}
	for _, hash := range x.account.evidenceFiles() {
		if err := x.packer.addFrom(evidencePath(hash), "evidence file", func() (io.ReadCloser, error) { return x.Blobs.Open(ctx, hash) }); err != nil {
			return fmt.Errorf("evidence file %s: %w", hash, err)
		}
	}
	for _, hash := range x.account.attachedFiles() {
		if err := x.packer.addFrom(attachmentPath(hash), "file attached to a record", func() (io.ReadCloser, error) { return x.Blobs.Open(ctx, hash) }); err != nil {
			return fmt.Errorf("attached file %s: %w", hash, err)
		}
	}
	x.done.LeftOut = x.account.LeftOut
	return nil
}

// controlFile reads a control file from the evidence, or from what is in use;
// nil when it is in neither.
func (x *exporting) controlFile(ctx context.Context, hash string) ([]byte, error) {
	data, err := x.evidence(ctx, hash)
	if errors.Is(err, blob.ErrNotFound) {
		return x.Controls[hash], nil
	}
	return data, err
}

func (x *exporting) evidence(ctx context.Context, hash string) ([]byte, error) {
	file, err := x.Blobs.Open(ctx, hash)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxSmall+1))
	if err == nil && len(data) > maxSmall {
		err = fmt.Errorf("the evidence file %s has more than %d bytes", hash, maxSmall)
	}
	return data, err
}

// results writes populations and results, which it computes again for it.
func (x *exporting) results(ctx context.Context, r *store.Reader, from populations.Snapshot) error {
	again := &execution{
		from: from, kinds: x.Kinds, account: x.account,
		control: func(hash string) ([]byte, error) { return x.controlFile(ctx, hash) },
		details: func(hash string) ([]byte, error) { return x.evidence(ctx, hash) },
		root:    func(size int64) (tlog.Hash, error) { return ledger.RootAt(r, size) },
	}
	for i := range x.account.Banked {
		banked := &x.account.Banked[i]
		if err := x.packer.add(populationPath(banked.Value.ID), "population: query, checkpoint, count and hash, as recorded", banked.doc); err != nil {
			return err
		}
		result := x.account.resultOf(banked.Value.ID)
		if result == nil {
			continue
		}
		if err := x.packer.add(resultPath(result.Value.ID), "result, as recorded", result.doc); err != nil {
			return err
		}
	}
	differences := make([][]string, len(x.account.Banked))
	open := map[int]*spooled{}
	defer func() {
		for _, s := range open {
			s.close()
		}
	}()
	claimed := map[string]int{} // the population that spools the documents with the path
	err := again.perform(ctx, func(number int) (*results.Witness, error) {
		if s := open[number]; s != nil {
			s.close()
		}
		path := documentsPath(x.account.Banked[number].Value.SHA256)
		by, taken := claimed[path]
		if !taken {
			by = number
			claimed[path] = by
		}
		s, err := newSpooled(by == number && !x.packer.seen[path])
		open[number] = s
		return s.witness(), err
	}, func(number int, found []string) error {
		differences[number] = found
		s := open[number]
		delete(open, number)
		return x.population(number, s)
	})
	for _, found := range differences {
		x.done.Differences = append(x.done.Differences, found...)
	}
	return err
}

// spooled are the files of a population while it is read.
type spooled struct {
	documents *spool // nil: another population's are the same
	content   *tally // of the documents
	outcomes  *spool
}

func newSpooled(withDocuments bool) (s *spooled, err error) {
	s = &spooled{content: newTally()}
	if s.outcomes, err = newSpool(); err == nil && withDocuments {
		s.documents, err = newSpool()
	}
	return s, err
}

func (s *spooled) witness() *results.Witness {
	w := &results.Witness{Each: lineByLine(s.outcomes.line)}
	if s.documents != nil {
		w.Doc = func(doc []byte) error {
			_, _ = s.content.Write(doc) // hashes take everything
			_, _ = s.content.Write([]byte{'\n'})
			return s.documents.line(doc)
		}
	}
	return w
}

func (s *spooled) close() {
	for _, one := range []*spool{s.documents, s.outcomes} {
		if one != nil {
			one.close()
		}
	}
}

// population writes the documents of a population, unless they are there
// already, and the outcome of every item; both are empty when it could not be
// read (nil).
func (x *exporting) population(number int, s *spooled) (err error) {
	if s == nil {
		if s, err = newSpooled(false); err != nil {
			return err
		}
	}
	defer s.close()
	banked := &x.account.Banked[number]
	if path := documentsPath(banked.Value.SHA256); s.documents != nil && s.content.hex() == banked.Value.SHA256 && !x.packer.seen[path] {
		if err := x.packer.addFrom(path, "documents of a population, one a line", s.documents.open); err != nil {
			return err
		}
	}
	result := x.account.resultOf(banked.Value.ID)
	if result == nil {
		return nil
	}
	return x.packer.addFrom(outcomesPath(result.Value.ID), "outcome of every item, one a line", s.outcomes.open)
}

// seal writes the manifest, records the export, and adds the proof of that.
func (x *exporting) seal(ctx context.Context, caller act.Caller) error {
	manifest, err := record.Canonical(Manifest{
		Format: Format, Origin: x.done.Origin, Period: x.done.Period, Checkpoint: x.done.Checkpoint, Engine: x.Engine,
		Clear: x.done.Clear, Files: x.packer.files,
	})
	if err != nil {
		return err
	}
	x.done.Manifest, x.done.Files, x.done.Bytes = sum(manifest), len(x.packer.files), x.packer.bytes
	receipts, err := x.Door.Do(ctx, caller, "evidence.export", "period/"+x.done.Period, func(tx *act.Tx) error {
		_, err := tx.Event(act.Event{Type: ExportedType, Subject: "period/" + x.done.Period, Data: Exported{
			Period: x.done.Period, Format: Format, Checkpoint: x.done.Checkpoint, Manifest: x.done.Manifest,
			Files: x.done.Files, Bytes: x.done.Bytes, Clear: x.done.Clear,
		}})
		return err
	})
	if err != nil {
		return err
	}
	x.done.Event = receipts[0].Index
	proven := anchor{Consistency: []string{}}
	if err := x.DB.Read(ctx, func(r *store.Reader) error {
		if proven.Proof, err = ledger.Prove(r, x.done.Event); err != nil {
			return err
		}
		path, _, err := ledger.ProveConsistency(r, x.done.Checkpoint.Size)
		for _, hash := range path {
			proven.Consistency = append(proven.Consistency, hex.EncodeToString(hash[:]))
		}
		return err
	}); err != nil {
		return err
	}
	anchored, err := record.Canonical(proven)
	if err != nil {
		return err
	}
	return errors.Join(x.packer.write(manifestFile, manifest), x.packer.write(anchorFile, anchored))
}
