package evidence

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/stamps"
)

// Verification says how to verify a bundle.
type Verification struct {
	// VerifierKey is the ledger's, from somebody else than the bundle's maker.
	VerifierKey string
	// Kinds are the kinds of records that the program knows.
	Kinds record.Kinds
	// Demo takes bundles of a demonstration's ledger (ledger.DemoOrigin).
	Demo bool
	// Roots are the certificates, in PEM, that time stamp authorities must lead
	// to. Nil takes those of the bundle, and the result says so.
	Roots []byte
	// Progress is told how much of a step is done; step is for people.
	Progress func(step string, done, total int64)
}

// Verified is what a bundle came to. With Differences it is not what it says.
type Verified struct {
	Origin     string     `json:"origin"`
	Period     string     `json:"period"`
	Checkpoint Checkpoint `json:"checkpoint"`
	Engine     string     `json:"engine"`
	Files      int        `json:"files"`
	Bytes      int64      `json:"bytes"`
	Records    int64      `json:"record_versions"` // replayed
	// Exported is the index of the event by which the ledger vouches for it.
	Exported int64    `json:"exported_event"`
	Results  []Tested `json:"results"`
	// Existed gives the earliest independent time for ranges of events; what is
	// in none of them is self-asserted.
	Existed []stamps.Existed `json:"existed"`
	Stamps  int              `json:"stamps"`
	// Unchecked is the number of stamps for which there were no certificates.
	Unchecked int `json:"stamps_unchecked,omitempty"`
	// BundledRoots: the certificates are those of the bundle itself.
	BundledRoots bool `json:"bundled_roots,omitempty"`
	// LeftOut counts files attached to records of the period for which the bundle
	// has no room.
	LeftOut     int      `json:"attachments_left_out,omitempty"`
	Clear       []string `json:"clear"`
	Differences []string `json:"differences"`
}

// Tested is a population, and what its test came to, as it is recorded.
type Tested struct {
	Population string                  `json:"population"`
	Result     string                  `json:"result,omitempty"`
	Control    string                  `json:"control"`
	Test       string                  `json:"test"`
	Interim    bool                    `json:"interim"`
	Count      int64                   `json:"count"`
	Conclusion controltests.Conclusion `json:"conclusion,omitempty"`
	// Same: computing it again gave the same.
	Same bool `json:"same"`
}

// ErrDemo says: the bundle is of a demonstration's ledger.
var ErrDemo = errors.New("the bundle is of a demonstration's ledger: what it says was made up")

// Verify reads a bundle and computes all of it again: every hash up to the
// signed checkpoint, every record from its events, every population by its
// query, every item's outcome by its test, every conclusion. It needs no
// database and no network. A bundle that is not whole, or not of this key's
// ledger, is ErrBundle, ErrDemo or ledger.ErrDamaged; what differs in what is
// recorded is listed in the result. Memory is bounded but for the list of files
// and eight bytes an event of SCAF's own that makes no record; what replaying
// sorts goes to temporary files of about the size of the records.
func (v Verification) Verify(ctx context.Context, r io.ReaderAt, size int64) (*Verified, error) {
	a, err := openArchive(r, size)
	if err != nil {
		return nil, err
	}
	if err := a.check(ctx, v.step("reading")); err != nil {
		return nil, err
	}
	log, err := v.openLog(a)
	if err != nil {
		return nil, err
	}
	exported, err := v.anchored(a, log)
	if err != nil {
		return nil, err
	}
	found := &stamps.Found{VerifierKey: v.VerifierKey, Roots: func() (*x509.CertPool, error) { return v.roots(a) }}
	state, err := replay(ctx, log, v.Kinds, found, v.step("replaying"))
	var difference *record.Difference
	if errors.As(err, &difference) {
		return nil, refused("%v", err)
	}
	if err != nil {
		return nil, err
	}
	defer state.close()
	m := &a.manifest
	result := &Verified{
		Origin: m.Origin, Period: m.Period, Checkpoint: m.Checkpoint, Engine: m.Engine, Files: len(m.Files), Bytes: size,
		Records: state.count, Exported: exported, Results: []Tested{}, Clear: m.Clear, Differences: []string{},
		Existed: found.Existed(), Stamps: found.Checked(), Unchecked: found.Unchecked(), BundledRoots: v.Roots == nil && found.Checked() > 0,
	}
	return result, (&verifying{v, a, log, state, result}).account(ctx)
}

func (v Verification) step(name string) func(done, total int64) {
	if v.Progress == nil {
		return nil
	}
	return func(done, total int64) { v.Progress(name, done, total) }
}

// openLog opens the log by its signed checkpoint.
func (v Verification) openLog(a *archive) (*ledger.Offline, error) {
	signed, err := a.read(logFolder+ledger.CheckpointPath, maxSmall)
	if err != nil {
		return nil, err
	}
	log, err := ledger.OpenOffline(string(signed), v.VerifierKey, func(path string) ([]byte, error) { return a.read(logFolder+path, maxSmall) })
	if err != nil {
		return nil, refused("%v", err)
	}
	m := &a.manifest
	if m.Origin != log.Origin || m.Checkpoint.Size != log.Size || m.Checkpoint.Root != hex.EncodeToString(log.Root[:]) {
		return nil, refused("the manifest is of %s, size %d, root %s; the signed checkpoint of %s, size %d, root %x", m.Origin, m.Checkpoint.Size, m.Checkpoint.Root, log.Origin, log.Size, log.Root[:])
	}
	if strings.HasPrefix(log.Origin, ledger.DemoOrigin) && !v.Demo {
		return nil, fmt.Errorf("%w: %s; with --demo it is verified all the same", ErrDemo, log.Origin)
	}
	return log, nil
}

// anchored checks that the ledger vouches for the manifest.
func (v Verification) anchored(a *archive, log *ledger.Offline) (int64, error) {
	data, err := a.read(anchorFile, maxSmall)
	if err != nil {
		return 0, err
	}
	var given anchor
	if err := canonical(data, &given); err != nil {
		return 0, refused("%s: %v", anchorFile, err)
	}
	if given.Proof == nil {
		return 0, refused("%s holds no proof", anchorFile)
	}
	later, err := given.Proof.Check(v.VerifierKey)
	if err != nil {
		return 0, refused("%s: %v", anchorFile, err)
	}
	event, err := ledger.Read(given.Proof.Index, given.Proof.Event)
	if err != nil {
		return 0, refused("%s: %v", anchorFile, err)
	}
	var said Exported
	if err := json.Unmarshal(event.Data, &said); err != nil || event.Type != ExportedType || event.Source != ledger.OwnSource(log.Origin) {
		return 0, refused("%s: event %d is no export of a bundle", anchorFile, event.Index)
	}
	if said.Manifest != a.sum || said.Checkpoint != a.manifest.Checkpoint || said.Period != a.manifest.Period {
		return 0, refused("%s: event %d is the export of another bundle: its manifest has the SHA-256 %s, this one %s", anchorFile, event.Index, said.Manifest, a.sum)
	}
	var path tlog.TreeProof
	for _, list := range [][]string{given.Proof.Inclusion, given.Consistency} {
		path = nil
		for _, text := range list {
			hash, err := hex.DecodeString(text)
			if err != nil || len(hash) != tlog.HashSize || hex.EncodeToString(hash) != text {
				return 0, refused("%s: %.80q is not a hash of 64 lowercase hexadecimal digits", anchorFile, text)
			}
			path = append(path, tlog.Hash(hash))
		}
	}
	if err := tlog.CheckTree(path, int64(later.Size), tlog.Hash(later.Hash), log.Size, log.Root); err != nil {
		return 0, refused("%s: the checkpoint of size %d does not continue the bundle's of size %d: it is of another tree", anchorFile, later.Size, log.Size)
	}
	return event.Index, nil
}

// roots are the certificates for time stamps.
func (v Verification) roots(a *archive) (*x509.CertPool, error) {
	data := v.Roots
	if data == nil {
		if a.byPath[rootsFile] == nil {
			return nil, nil //nolint:nilnil // no roots is what timestamp.Verify takes nil for
		}
		var err error
		if data, err = a.read(rootsFile, maxRoots); err != nil {
			return nil, err
		}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, refused("the root certificates of time stamp authorities hold no certificate in PEM")
	}
	return pool, nil
}

// verifying is one verification whose log has been found whole.
type verifying struct {
	Verification
	archive *archive
	log     *ledger.Offline
	state   *replayed
	result  *Verified
}

func (v *verifying) differ(format string, args ...any) {
	switch n := len(v.result.Differences); {
	case n < maxShown:
		v.result.Differences = append(v.result.Differences, fmt.Sprintf(format, args...))
	case n == maxShown:
		v.result.Differences = append(v.result.Differences, "and more")
	}
}

// account holds the files of the bundle against what the replayed events say.
func (v *verifying) account(ctx context.Context) error {
	said, err := readAccount(v.state, v.archive.manifest.Period)
	if err != nil {
		return refused("%v", err)
	}
	page, err := index(v.log.Origin, v.archive.manifest.Checkpoint, v.archive.manifest.Engine, said)
	if err != nil {
		return err
	}
	if err := errors.Join(v.same(indexFile, page), v.same(periodFile, said.Period.doc)); err != nil {
		return err
	}
	v.expected(said)
	if err := errors.Join(v.decisions(), v.shown()); err != nil {
		return err
	}
	again := &execution{
		from: v.state, kinds: v.Kinds, account: said, root: v.log.RootAt,
		control: func(hash string) ([]byte, error) {
			if v.archive.byPath[controlPath(hash)] == nil {
				return nil, nil //nolint:nilnil // one that is missing is named as such
			}
			return v.archive.read(controlPath(hash), maxSmall)
		},
		details: func(hash string) ([]byte, error) { return v.archive.read(evidencePath(hash), maxSmall) },
	}
	if err := v.populations(ctx, again); err != nil {
		return err
	}
	for i := range said.Results {
		r := &said.Results[i].Value
		if r.Population == "" || !v.tested(r.ID) {
			v.differ("%s: its population %q is not one of the period", r.ID, r.Population)
		}
	}
	return nil
}

func (v *verifying) tested(result string) bool {
	for _, one := range v.result.Results {
		if one.Result == result {
			return true
		}
	}
	return false
}

// same holds a file against the bytes that it must have.
func (v *verifying) same(path string, want []byte) error {
	if v.archive.byPath[path] == nil {
		return nil // named by expected
	}
	data, err := v.archive.read(path, maxSmall)
	if err == nil && !bytes.Equal(data, want) {
		v.differ("%s is not what the events of the ledger say", path)
	}
	return err
}

// expected names files that are missing, and files that do not belong there.
func (v *verifying) expected(said *account) {
	want := map[string]bool{indexFile: true, periodFile: true, logFolder + ledger.CheckpointPath: true, manifestFile: true, anchorFile: true}
	for _, one := range decided {
		want[decidedPath(one.kind)] = true
	}
	for path := range ledger.Layout(v.log.Size) {
		want[logFolder+path] = true
	}
	for i := range said.Banked {
		b := &said.Banked[i].Value
		want[populationPath(b.ID)], want[documentsPath(b.SHA256)] = true, true
		if r := said.resultOf(b.ID); r != nil {
			want[resultPath(r.Value.ID)], want[outcomesPath(r.Value.ID)] = true, true
		}
	}
	for _, hash := range said.controlFiles() {
		want[controlPath(hash)] = true
	}
	for _, hash := range said.evidenceFiles() {
		want[evidencePath(hash)] = true
	}
	for _, hash := range said.attachedFiles() {
		want[attachmentPath(hash)] = true
	}
	v.result.LeftOut = said.LeftOut
	for _, file := range v.archive.zip.File {
		if !want[file.Name] && file.Name != rootsFile {
			v.differ("%s belongs to nothing that the ledger says of the period", file.Name)
		}
		delete(want, file.Name)
	}
	for _, file := range v.archive.manifest.Files {
		if named := named(file.Path); named != "" && named != file.SHA256 {
			v.differ("%s has another SHA-256 than its name says: %s", file.Path, file.SHA256)
		}
	}
	for _, list := range []func(string) bool{
		func(path string) bool { return !strings.HasPrefix(path, logFolder) },
		func(path string) bool { return strings.HasPrefix(path, logFolder) },
	} {
		for _, path := range sortedKeys(want) {
			if list(path) {
				v.differ("%s is left out", path)
			}
		}
	}
}

// populations computes all populations and their results again.
func (v *verifying) populations(ctx context.Context, again *execution) error {
	banked := again.account.Banked
	outcomes := make([]*lines, len(banked))
	found := make([][]string, len(banked))
	done := int64(0)
	if err := again.perform(ctx, func(number int) (*results.Witness, error) {
		w := &results.Witness{}
		outcomes[number] = nil
		if result := again.account.resultOf(banked[number].Value.ID); result != nil {
			if outcomes[number] = v.lines(outcomesPath(result.Value.ID)); outcomes[number] != nil {
				w.Each = lineByLine(outcomes[number].next)
			}
		}
		return w, nil
	}, func(number int, differences []string) error {
		found[number] = append(outcomes[number].end(), differences...)
		outcomes[number] = nil
		if done++; v.Progress != nil {
			v.Progress("computing again", done, int64(len(banked)))
		}
		return nil
	}); err != nil {
		return err
	}
	for number := range banked {
		if err := v.population(ctx, again, number, found[number]); err != nil {
			return err
		}
	}
	return nil
}

// population holds the files of a population against what computing it again
// gave.
func (v *verifying) population(ctx context.Context, again *execution, number int, differences []string) error {
	banked := &again.account.Banked[number]
	b := &banked.Value
	before := len(v.result.Differences)
	tested := Tested{Population: b.ID, Control: b.Control, Test: b.Test, Interim: b.Interim, Count: b.Count}
	if err := v.same(populationPath(b.ID), banked.doc); err != nil {
		return err
	}
	if result := again.account.resultOf(b.ID); result != nil {
		tested.Result, tested.Conclusion = result.Value.ID, result.Value.Conclusion
		if err := v.same(resultPath(result.Value.ID), result.doc); err != nil {
			return err
		}
	}
	for _, difference := range differences {
		v.differ("%s", difference)
		if strings.HasPrefix(difference, b.ID+": sha256 ") { // name the first document that differs
			if err := v.documents(ctx, again, number); err != nil {
				return err
			}
		}
	}
	tested.Same = len(v.result.Differences) == before
	v.result.Results = append(v.result.Results, tested)
	return nil
}

// documents compares the documents of a population with those that are computed.
func (v *verifying) documents(ctx context.Context, again *execution, number int) error {
	rec, _, err := again.recorded(number)
	if err != nil || rec == nil {
		return err
	}
	var documents *lines
	rec.Begin = func() (*results.Witness, error) {
		if documents = v.lines(documentsPath(rec.Banked.SHA256)); documents == nil {
			return nil, nil //nolint:nilnil // nobody looks on
		}
		return &results.Witness{Doc: documents.next}, nil
	}
	return results.Again(ctx, again.from, again.kinds, []*results.Recorded{rec}, func(int, []string) error {
		for _, difference := range documents.end() {
			v.differ("%s", difference)
		}
		return nil
	})
}

// lines compares the lines of a file with those that are computed.
type lines struct {
	path   string
	in     *bufio.Reader
	long   []byte // a line that does not fit into the reader's memory
	number int64
	over   bool // a difference has been found, or the file has ended
	found  []string
}

// lines opens a file of lines; nil when it is not there.
func (v *verifying) lines(path string) *lines {
	file := v.archive.byPath[path]
	if file == nil {
		return nil
	}
	l := &lines{path: path}
	raw, err := file.OpenRaw()
	if err != nil {
		l.differ("%s: %v", path, err)
		raw = strings.NewReader("")
	}
	const memory = 32 << 10 // many are read together
	l.in = bufio.NewReaderSize(raw, memory)
	return l
}

// differ notes the difference. Nothing is compared after it: a line that is left
// out makes all that follow differ.
func (l *lines) differ(format string, args ...any) {
	l.over, l.found = true, append(l.found, fmt.Sprintf(format, args...))
}

// read reads a line with its end, of a long one the beginning.
func (l *lines) read() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	l.long = append(l.long[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) && len(l.long) < maxLine {
		line, err = l.in.ReadSlice('\n')
		l.long = append(l.long, line...)
	}
	return l.long, err
}

// next compares the next line.
func (l *lines) next(want []byte) error {
	if l.over {
		return nil
	}
	l.number++
	line, err := l.read()
	switch {
	case err == nil && bytes.Equal(line[:len(line)-1], want):
	case errors.Is(err, io.EOF) && len(line) == 0:
		l.differ("%s ends after %d lines: it leaves out %s", l.path, l.number-1, results.Shown(want))
	default:
		l.differ("%s:%d is %s, computing it again gives %s", l.path, l.number, results.Shown(bytes.TrimSuffix(line, []byte{'\n'})), results.Shown(want))
	}
	return nil
}

// end gives the difference, if there is one; so is a line that follows the last
// one.
func (l *lines) end() []string {
	if l == nil {
		return nil
	}
	if line, _ := l.read(); !l.over && len(line) > 0 {
		l.differ("%s:%d is %s, and computing it again gives no such item", l.path, l.number+1, results.Shown(bytes.TrimSuffix(line, []byte{'\n'})))
	}
	return l.found
}
