package evidence

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sort"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/stamps"
)

// replayed is the state that the events of a log give: it implements
// populations.Snapshot without a database. Versions of records lie in temporary
// files, one a kind, in the order in which populations are read.
type replayed struct {
	log      *ledger.Offline
	kinds    record.Kinds
	versions map[string]*versionFile
	count    int64 // of versions

	// others are the indexes of the events of SCAF's own types that make no
	// version, by type; making are the types that do.
	others map[string][]int64
	making map[string]bool
	// decided are the indexes of the events that made versions of records under
	// rules that are checked (isDecision).
	decided []int64
	cited   map[int64]tlog.Hash
	// times are the earliest and the latest instant in every bundle of events,
	// so that a query by time need not read all of them.
	times []span
}

// bundleEvents is how many events are read together (tlog-tiles).
const bundleEvents = 256

// span is from the earliest to the latest instant, in microseconds.
type span struct{ earliest, latest int64 }

// within reports whether an event in the span can be one that the query's times
// select.
func (s span) within(q *ledger.Query) bool {
	return (q.Since.IsZero() || s.latest >= q.Since.UnixMicro()) && (q.Until.IsZero() || s.earliest <= q.Until.UnixMicro())
}

// note widens the span of the event's bundle. Events come in order.
func (r *replayed) note(index, at int64) {
	if index%bundleEvents == 0 {
		r.times = append(r.times, span{at, at})
	}
	last := &r.times[len(r.times)-1]
	last.earliest, last.latest = min(last.earliest, at), max(last.latest, at)
}

// replayedEvent is what replaying keeps of an event.
type replayedEvent struct {
	kind    string // event type, of SCAF's own types
	key     string // kind and id of the version that it makes; empty: none
	version []byte // encoded
	decided bool   // isDecision
	cited   *ledger.Cited
	at      int64 // its instant, in microseconds
}

// replay verifies the log and replays its events. Memory is bounded but for
// eight bytes an event of SCAF's own that makes no record, and sixteen for 256
// events.
func replay(ctx context.Context, log *ledger.Offline, kinds record.Kinds, found *stamps.Found, progress func(done, total int64)) (_ *replayed, err error) {
	r := &replayed{
		log: log, kinds: kinds, versions: map[string]*versionFile{},
		others: map[string][]int64{}, making: map[string]bool{}, cited: map[int64]tlog.Hash{},
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	byRecord := populations.NewSorter(sortMemory)
	defer byRecord.Close()
	own := ledger.OwnSource(log.Origin)
	prepare := func(index int64, body []byte) (made replayedEvent, err error) {
		event, err := ledger.Read(index, body)
		if err != nil {
			return made, err
		}
		made.at = event.Instant().UnixMicro()
		if strings.HasPrefix(event.Type, "scaf.") {
			made.kind = event.Type
		}
		if event.Source != own {
			return made, nil
		}
		if err := found.Check(event); err != nil {
			return made, err
		}
		if made.cited, err = ledger.Cites(event); err != nil {
			return made, err
		}
		version, err := kinds.Made(record.Applied{Index: index, Type: event.Type, Subject: event.Subject, Data: event.Data})
		if err != nil || version == nil {
			return made, err
		}
		made.key = version.Kind.Name + "\x00" + version.ID
		made.decided = isDecision(version.Kind)
		made.version, err = encodeMade(index, version)
		return made, err
	}
	take := func(index int64, made replayedEvent) error {
		r.note(index, made.at)
		if made.cited != nil {
			if before, ok := r.cited[made.cited.Size]; ok && before != made.cited.Root {
				return &record.Difference{Index: index, What: fmt.Sprintf("cites another root for the size %d than an event before it", made.cited.Size)}
			}
			r.cited[made.cited.Size] = made.cited.Root
		}
		switch {
		case made.key != "":
			r.making[made.kind] = true
			if made.decided {
				r.decided = append(r.decided, index)
			}
			return byRecord.Add(0, made.key, made.version)
		case made.kind != "":
			r.others[made.kind] = append(r.others[made.kind], index)
		}
		return nil
	}
	if err := ledger.VerifyOffline(ctx, log, prepare, take, progress); err != nil {
		return nil, err
	}
	for size, root := range r.cited {
		had, err := log.RootAt(size)
		if err != nil {
			return nil, err
		}
		if had != root {
			return nil, refused("an event cites a checkpoint of size %d with root %x, the log had %x", size, root[:], had[:])
		}
	}
	return r, r.chain(byRecord)
}

// encodeMade keeps what is needed to replay a version. Whole documents are
// checked here, where all cores work.
func encodeMade(index int64, made *record.Made) ([]byte, error) {
	out := binary.AppendUvarint(nil, uint64(index))
	out = binary.AppendUvarint(out, uint64(made.Version))
	if !made.Whole() {
		out = append(append(out, 0), made.SHA256...)
		return append(append(out, 0), made.Payload()...), nil
	}
	doc, err := record.Replayed(nil, made.Payload(), true, made.SHA256)
	if err != nil {
		return nil, &record.Difference{Index: index, What: made.Kind.Name + "/" + made.ID + ": " + err.Error()}
	}
	at, err := made.Kind.Instant(doc)
	if err != nil {
		return nil, &record.Difference{Index: index, What: made.Kind.Name + "/" + made.ID + ": " + err.Error()}
	}
	out = append(out, 1)
	out = binary.AppendVarint(out, instantOf(at))
	return append(out, doc...), nil
}

// noInstant stands for a record without an instant: it comes first.
const noInstant = math.MinInt64

func instantOf(at *int64) int64 {
	if at == nil {
		return noInstant
	}
	return *at
}

// chain makes the versions of all records, whose events come record by record,
// each record's in the order of the ledger.
func (r *replayed) chain(byRecord *populations.Sorter) error {
	var current *kindWriter
	var id string
	var last *chained
	end := func() error {
		if last == nil {
			return nil
		}
		return current.add(id, last, nil)
	}
	err := byRecord.Each(func(_ int64, key string, data []byte) error {
		kindName, recordID, _ := strings.Cut(key, "\x00")
		if current == nil || current.kind.Name != kindName || recordID != id {
			if err := end(); err != nil {
				return err
			}
			last, id = nil, recordID
		}
		if current == nil || current.kind.Name != kindName {
			if err := r.finish(current); err != nil {
				return err
			}
			kind, err := r.kinds.Find(kindName)
			if err != nil {
				return err
			}
			current = &kindWriter{kind: kind, sorter: populations.NewSorter(sortMemory)}
		}
		next, err := decodeMade(current.kind, last, data)
		if err != nil {
			return &record.Difference{Index: next.index, What: kindName + "/" + recordID + ": " + err.Error()}
		}
		if last != nil {
			if err := current.add(id, last, &next.index); err != nil {
				return err
			}
		}
		r.count++
		last = next
		return nil
	})
	if err == nil {
		err = end()
	}
	return errors.Join(err, r.finish(current))
}

// chained is a version while its record's versions are chained.
type chained struct {
	index   int64
	version int
	at      int64
	doc     []byte
}

// decodeMade reads what encodeMade wrote and replays it after the version
// before. The result names the event also when there is an error.
func decodeMade(kind *record.Kind, before *chained, data []byte) (*chained, error) {
	next := &chained{}
	in := bytes.NewReader(data)
	index, _ := binary.ReadUvarint(in) // written by encodeMade
	version, _ := binary.ReadUvarint(in)
	next.index, next.version = int64(index), int(version)
	want := 1
	if before != nil {
		want = before.version + 1
	}
	if next.version != want {
		return next, fmt.Errorf("the event makes version %d where version %d comes", next.version, want)
	}
	whole, _ := in.ReadByte()
	if whole == 1 {
		next.at, _ = binary.ReadVarint(in)
		next.doc = data[len(data)-in.Len():]
		return next, nil
	}
	rest := data[len(data)-in.Len():]
	hash, patch, _ := bytes.Cut(rest, []byte{0})
	doc, err := record.Replayed(before.doc, patch, false, string(hash))
	if err != nil {
		return next, err
	}
	at, err := kind.Instant(doc)
	next.at, next.doc = instantOf(at), doc
	return next, err
}

// kindWriter sorts the versions of one kind.
type kindWriter struct {
	kind   *record.Kind
	sorter *populations.Sorter
}

func (w *kindWriter) add(id string, v *chained, to *int64) error {
	out := binary.AppendUvarint(nil, uint64(v.index))
	end := uint64(0)
	if to != nil {
		end = uint64(*to) + 1
	}
	out = binary.AppendUvarint(out, end)
	out = binary.AppendUvarint(out, uint64(v.version))
	return w.sorter.Add(v.at, id, append(out, v.doc...))
}

// finish writes the versions of a kind to their file.
func (r *replayed) finish(w *kindWriter) error {
	if w == nil {
		return nil
	}
	defer w.sorter.Close()
	file, err := os.CreateTemp("", "scaf-replay-*")
	if err != nil {
		return err
	}
	_ = os.Remove(file.Name()) // it lives as long as it is open
	v := &versionFile{file: file}
	r.versions[w.kind.Name] = v
	out := bufio.NewWriterSize(file, 1<<20)
	var head []byte
	err = w.sorter.Each(func(at int64, id string, doc []byte) error {
		if v.count%indexEvery == 0 {
			v.places = append(v.places, place{at, v.size})
		}
		v.count++
		head = binary.AppendVarint(head[:0], at)
		head = binary.AppendUvarint(head, uint64(len(id)))
		head = append(head, id...)
		head = binary.AppendUvarint(head, uint64(len(doc)))
		v.size += int64(len(head) + len(doc))
		_, _ = out.Write(head) // the error stays until Flush
		_, err := out.Write(doc)
		return err
	})
	return errors.Join(err, out.Flush())
}

// versionFile is a file with the versions of a kind, sorted by instant and id.
type versionFile struct {
	file   *os.File
	size   int64
	count  int64
	places []place // of every indexEvery-th version
}

const indexEvery = 1024

type place struct{ at, offset int64 }

// Versions implements populations.Snapshot.
func (r *replayed) Versions(q record.Range, visit func(*record.Version) error) error {
	return r.read(q, q.Selects, visit)
}

// every visits all versions of all records of a kind.
func (r *replayed) every(kind string, visit func(*record.Version) error) error {
	return r.read(record.Range{Kind: kind}, func(int64, *int64, *int64) bool { return true }, visit)
}

func (r *replayed) read(q record.Range, selects func(from int64, to, at *int64) bool, visit func(*record.Version) error) error {
	v := r.versions[q.Kind]
	if v == nil {
		return nil
	}
	begin := int64(0)
	if !q.From.IsZero() {
		from := q.From.UnixMicro()
		if n := sort.Search(len(v.places), func(i int) bool { return v.places[i].at >= from }); n > 0 {
			begin = v.places[n-1].offset
		}
	}
	in := bufio.NewReaderSize(io.NewSectionReader(v.file, begin, v.size-begin), 1<<20)
	var id, data []byte
	version := record.Version{Kind: q.Kind}
	for {
		at, err := binary.ReadVarint(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			id, err = readSized(in, id)
		}
		if err == nil {
			data, err = readSized(in, data)
		}
		if err != nil {
			return fmt.Errorf("read the replayed records: %w", err)
		}
		if !q.To.IsZero() && at >= q.To.UnixMicro() {
			return nil
		}
		rest := bytes.NewReader(data)
		from, _ := binary.ReadUvarint(rest) // written by add
		end, _ := binary.ReadUvarint(rest)
		number, _ := binary.ReadUvarint(rest)
		version.From, version.To, version.Version = int64(from), nil, int(number)
		if end > 0 {
			to := int64(end) - 1
			version.To = &to
		}
		instant := &at
		if at == noInstant {
			instant = nil
		}
		if !selects(version.From, version.To, instant) {
			continue
		}
		version.ID, version.Doc = string(id), data[len(data)-rest.Len():]
		if err := visit(&version); err != nil {
			return err
		}
	}
}

func readSized(in *bufio.Reader, into []byte) ([]byte, error) {
	size, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, err
	}
	if uint64(cap(into)) < size {
		into = make([]byte, size)
	}
	into = into[:size]
	_, err = io.ReadFull(in, into)
	return into, err
}

// Events implements populations.Snapshot.
func (r *replayed) Events(q ledger.Query, visit func(*ledger.Event) error) error {
	if q.To <= 0 || q.To > r.log.Size {
		q.To = r.log.Size
	}
	give := func(index int64, body []byte) error {
		event, err := ledger.Read(index, body)
		if err != nil || !q.Matches(event) {
			return err
		}
		return visit(event)
	}
	err := r.events(&q, give)
	if errors.Is(err, ledger.Stop) {
		return nil
	}
	return err
}

func (r *replayed) events(q *ledger.Query, give func(index int64, body []byte) error) error {
	if !strings.HasPrefix(q.Type, "scaf.") || strings.HasSuffix(q.Type, "*") || r.making[q.Type] {
		for number := max(q.From, 0) / bundleEvents; number*bundleEvents < q.To; number++ {
			if !r.times[number].within(q) {
				continue
			}
			if err := r.log.Events(max(q.From, number*bundleEvents), min(q.To, (number+1)*bundleEvents), give); err != nil {
				return err
			}
		}
		return nil
	}
	return r.at(r.others[q.Type], func(index int64, body []byte) error {
		if index < q.From || index >= q.To {
			return nil
		}
		return give(index, body)
	})
}

// at gives the events at the indexes, which are in order.
func (r *replayed) at(indexes []int64, give func(index int64, body []byte) error) error {
	for len(indexes) > 0 {
		// Neighbours are read together.
		first, n := indexes[0], 1
		for n < len(indexes) && indexes[n]/bundleEvents == first/bundleEvents {
			n++
		}
		wanted := indexes[:n]
		indexes = indexes[n:]
		err := r.log.Events(first, wanted[n-1]+1, func(index int64, body []byte) error {
			if index != wanted[0] {
				return nil
			}
			wanted = wanted[1:]
			return give(index, body)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// close gives the files back.
func (r *replayed) close() {
	for _, v := range r.versions {
		_ = v.file.Close()
	}
}
