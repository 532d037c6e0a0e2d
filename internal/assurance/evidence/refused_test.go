package evidence_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/evidence"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

func TestEveryChangedByteIsNoticed(t *testing.T) {
	bundle, _, v := example(t)
	const seed, samples = 20261122, 1500
	random := rand.New(rand.NewPCG(seed, 1))
	for range samples {
		at, bit := random.IntN(len(bundle)), byte(1)<<random.IntN(8)
		changed := bytes.Clone(bundle)
		changed[at] ^= bit
		if verified, err := verify(changed, v); !errors.Is(err, evidence.ErrBundle) {
			t.Fatalf("byte %d of %d, %#x changed by %#x (seed %d): %v, %+v", at, len(bundle), bundle[at], bit, seed, err, verified)
		}
	}
	for _, cut := range []int{0, 1, 21, len(bundle) / 2, len(bundle) - 1} {
		if _, err := verify(bundle[:cut], v); !errors.Is(err, evidence.ErrBundle) {
			t.Errorf("the first %d bytes: %v", cut, err)
		}
	}
	for name, longer := range map[string][]byte{
		"after":  append(bytes.Clone(bundle), 0),
		"before": append([]byte("x"), bundle...),
		"twice":  append(bytes.Clone(bundle), bundle...),
	} {
		if _, err := verify(longer, v); !errors.Is(err, evidence.ErrBundle) {
			t.Errorf("bytes %s: %v", name, err)
		}
	}
}

// relisted writes a manifest that fits the files; the anchor stays what it was.
func relisted(t testing.TB, files []file) []file {
	t.Helper()
	m := manifestOf(t, files)
	what := map[string]string{}
	for _, f := range m.Files {
		what[f.Path] = f.What
	}
	m.Files = nil
	for _, f := range files[:len(files)-2] {
		m.Files = append(m.Files, evidence.File{Path: f.name, Size: int64(len(f.data)), SHA256: sum(f.data), What: what[f.name]})
	}
	data, err := record.Canonical(m)
	if err != nil {
		t.Fatal(err)
	}
	out := slices.Clone(files)
	out[len(out)-2].data = data
	return out
}

func TestFilesThatAreNotThoseOfTheBundleAreNamed(t *testing.T) {
	w := usual(t, config.Config{})
	bundle, _ := w.export()
	files := unpack(t, bundle)
	entries := find(t, files, "log/tile/entries/")
	other := newWorld(t, config.Config{})
	other.add(3)
	foreign, _ := other.export()
	foreignFiles := unpack(t, foreign)
	second, _ := w.export()
	secondFiles := unpack(t, second)
	with := func(i int, data []byte) []file {
		changed := slices.Clone(files)
		changed[i].data = data
		return changed
	}
	last := len(files) - 1
	for name, c := range map[string]struct {
		files []file
		says  string
	}{
		"removed":                   {slices.Delete(slices.Clone(files), entries, entries+1), "log/tile/entries/000.p/"},
		"removed and relisted":      {relisted(t, slices.Delete(slices.Clone(files), entries, entries+1)), "is the export of another bundle"},
		"added":                     {slices.Insert(slices.Clone(files), 3, file{"log/extra", []byte("x")}), "log/extra is in the archive and not in the manifest"},
		"added and relisted":        {relisted(t, slices.Insert(slices.Clone(files), 3, file{"log/extra", []byte("x")})), "is the export of another bundle"},
		"added at the end":          {append(slices.Clone(files), file{"zzz", nil}), "zzz is in the archive"},
		"doubled":                   {slices.Insert(slices.Clone(files), entries, files[entries]), "two files log/tile/entries/"},
		"reordered":                 {swapped(files, 1, 2), "out of order"},
		"reordered and relisted":    {relisted(t, swapped(files, 1, 2)), "is the export of another bundle"},
		"anchor before manifest":    {swapped(files, last-1, last), "out of order"},
		"changed and relisted":      {relisted(t, with(find(t, files, "index.html"), []byte("all is well"))), "is the export of another bundle"},
		"no manifest":               {slices.Delete(slices.Clone(files), last-1, last), "no manifest.json"},
		"no anchor":                 {files[:last], "no anchor.json"},
		"manifest is not JSON":      {with(last-1, []byte("{")), "manifest.json"},
		"manifest is not canonical": {with(last-1, append([]byte(" "), files[last-1].data...)), "canonical"},
		"manifest of the future":    {with(last-1, bytes.Replace(files[last-1].data, []byte(evidence.Format), []byte("scaf-evidence/9"), 1)), `"scaf-evidence/9"`},
		"anchor of another ledger":  {with(last, foreignFiles[len(foreignFiles)-1].data), "not signed by"},
		"anchor of another export":  {with(last, secondFiles[len(secondFiles)-1].data), "is the export of another bundle"},
		"anchor is empty":           {with(last, []byte("{}")), "anchor.json"},
		"proof of another tree":     {with(last, swappedConsistency(t, files[last].data)), "another tree"},
		"path that climbs":          {slices.Insert(slices.Clone(files), 0, file{"../../evil", nil}), `"../../evil" is no path`},
		"absolute path":             {slices.Insert(slices.Clone(files), 0, file{"/etc/evil", nil}), `"/etc/evil" is no path`},
		"path of another system":    {slices.Insert(slices.Clone(files), 0, file{`a\..\evil`, nil}), "is no path"},
		"hidden file":               {slices.Insert(slices.Clone(files), 0, file{"log/.evil", nil}), "is no path"},
		"folder":                    {slices.Insert(slices.Clone(files), 0, file{"log/", nil}), "is no path"},
		"foreign bundle":            {foreignFiles, "not signed by"},
		"nothing":                   {nil, "manifest.json"},
	} {
		_, err := verify(pack(t, c.files), check(w.VerifierKey))
		if !errors.Is(err, evidence.ErrBundle) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want a line with %q", name, err, c.says)
		}
	}
	if _, err := verify(pack(t, files), check(w.VerifierKey)); err != nil || !bytes.Equal(pack(t, files), bundle) {
		t.Errorf("the same files: %v", err)
	}
}

func swapped(files []file, i, j int) []file {
	files = slices.Clone(files)
	files[i], files[j] = files[j], files[i]
	return files
}

// swappedConsistency takes a hash of the consistency proof for another one.
func swappedConsistency(t testing.TB, anchor []byte) []byte {
	t.Helper()
	var a map[string]json.RawMessage
	var path []string
	if err := errors.Join(json.Unmarshal(anchor, &a), json.Unmarshal(a["consistency_proof"], &path)); err != nil || len(path) == 0 {
		t.Fatalf("%v %v", err, path)
	}
	path[0] = strings.Repeat("0", 64)
	a["consistency_proof"], _ = json.Marshal(path)
	data, err := record.Canonical(a)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestForeignKeysAndDemonstrationsAreRefused(t *testing.T) {
	w := newWorld(t, config.Config{Origin: ledger.DemoOrigin + "example"})
	w.add(5)
	bundle, _ := w.export()
	if _, err := verify(bundle, check(w.VerifierKey)); !errors.Is(err, evidence.ErrDemo) {
		t.Errorf("a demonstration: %v", err)
	}
	demo := check(w.VerifierKey)
	demo.Demo = true
	if verified, err := verify(bundle, demo); err != nil || len(verified.Differences) > 0 {
		t.Errorf("a demonstration, taken as such: %v %+v", err, verified)
	}
	other := newWorld(t, config.Config{Origin: w.Config.Origin})
	for name, key := range map[string]string{"another": other.VerifierKey, "none": "", "no key": "hello"} {
		if _, err := verify(bundle, check(key)); !errors.Is(err, evidence.ErrBundle) {
			t.Errorf("%s key: %v", name, err)
		}
	}
}

func TestBombsAreRefusedBeforeTheyAreRead(t *testing.T) {
	w := newWorld(t, config.Config{})
	w.add(1)
	bundle, _ := w.export()
	files := unpack(t, bundle)
	deflated := func() []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		out, err := z.Create("log/bomb")
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if _, err := out.Write(make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	// larger says of a file that it is larger than it is: in the directory, at
	// the offset of its uncompressed and compressed sizes.
	larger := func(size uint32) []byte {
		out := pack(t, files)
		at := bytes.LastIndex(out, []byte("PK\x01\x02"))
		for i := range 4 {
			out[at+20+i], out[at+24+i] = byte(size>>(8*i)), byte(size>>(8*i))
		}
		return out
	}
	for name, c := range map[string]struct {
		bundle []byte
		says   string
	}{
		"compressed":            {deflated(), "is compressed"},
		"larger than all":       {larger(1 << 30), "more than the"},
		"over what follows":     {larger(uint32(len(files[len(files)-1].data)) + 40), "anchor.json"},
		"not an archive":        {[]byte(strings.Repeat("a", 1000)), "ZIP"},
		"empty":                 {nil, "ZIP"},
		"an archive of nothing": {pack(t, nil), "manifest.json"},
	} {
		if _, err := verify(c.bundle, check(w.VerifierKey)); !errors.Is(err, evidence.ErrBundle) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// vouch has the ledger vouch for files that are not what its events say: what
// the holder of the key could do.
func (w *world) vouch(files []file) []byte {
	w.t.Helper()
	files = relisted(w.t, files)
	m := manifestOf(w.t, files)
	manifest := files[len(files)-2].data
	receipts, err := w.Door.Do(context.Background(), apptest.Operator, "evidence.export", "period/P", func(tx *act.Tx) error {
		_, err := tx.Event(act.Event{Type: evidence.ExportedType, Subject: "period/P", Data: evidence.Exported{
			Period: m.Period, Format: m.Format, Checkpoint: m.Checkpoint, Manifest: sum(manifest),
		}})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	anchor := map[string]any{}
	if err := w.DB.Read(context.Background(), func(r *store.Reader) error {
		proof, err := ledger.Prove(r, receipts[0].Index)
		if err != nil {
			return err
		}
		path, _, err := ledger.ProveConsistency(r, m.Checkpoint.Size)
		hashes := []string{}
		for _, hash := range path {
			hashes = append(hashes, hex.EncodeToString(hash[:]))
		}
		anchor["proof"], anchor["consistency_proof"] = proof, hashes
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	files[len(files)-1].data, err = record.Canonical(anchor)
	if err != nil {
		w.t.Fatal(err)
	}
	return pack(w.t, files)
}

// Even with the ledger's key nobody can make a bundle say something else than
// its events.
func TestWhatTheEventsDoNotSayIsNamed(t *testing.T) {
	w := usual(t, config.Config{})
	bundle, _ := w.export()
	original := unpack(t, bundle)
	edit := func(prefix string, change func(data []byte) []byte) func([]file) []file {
		return func(files []file) []file {
			i := find(t, files, prefix)
			files[i].data = change(bytes.Clone(files[i].data))
			return files
		}
	}
	remove := func(prefix string) func([]file) []file {
		return func(files []file) []file {
			i := find(t, files, prefix)
			return slices.Delete(files, i, i+1)
		}
	}
	replace := func(old, by string) func([]byte) []byte {
		return func(data []byte) []byte {
			if !bytes.Contains(data, []byte(old)) {
				t.Fatalf("there is no %q in %.200s", old, data)
			}
			return bytes.Replace(data, []byte(old), []byte(by), 1)
		}
	}
	cutLine := func(n int) func([]byte) []byte {
		return func(data []byte) []byte {
			lines := bytes.SplitAfter(data, []byte("\n"))
			return bytes.Join(slices.Delete(lines, n, n+1), nil)
		}
	}
	for name, c := range map[string]struct {
		change func([]file) []file
		says   []string
	}{
		"nothing":                 {func(f []file) []file { return f }, nil},
		"an outcome":              {edit("results/RES-1.jsonl", replace(`"deviation"`, `"passed"`)), []string{"results/RES-1.jsonl:", `"deviation"`}},
		"an item left out":        {edit("results/RES-1.jsonl", cutLine(3)), []string{"results/RES-1.jsonl:4 is", "computing it again gives"}},
		"the last item left out":  {edit("results/RES-2.jsonl", func(d []byte) []byte { return d[:bytes.LastIndexByte(d[:len(d)-1], '\n')+1] }), []string{"it leaves out"}},
		"an item more":            {edit("results/RES-3.jsonl", func(d []byte) []byte { return append(d, `{"item":"x","outcome":"passed"}`+"\n"...) }), []string{"gives no such item"}},
		"the page":                {edit("index.html", replace("deviation", "wonder")), []string{"index.html is not what"}},
		"the period":              {edit("period.json", replace("closed", "opened")), []string{"period.json is not what"}},
		"a recorded result":       {edit("results/RES-1.json", replace("ineffective", "effective")), []string{"results/RES-1.json is not what"}},
		"a recorded population":   {edit("populations/POP-1.json", replace("titled", "untitl")), []string{"populations/POP-1.json is not what"}},
		"documents":               {edit(documentsOf(t, original), cutLine(2)), []string{"has another SHA-256 than its name"}},
		"a control file":          {edit("controls/", replace(`"bad"`, `"god"`)), []string{"has another SHA-256"}},
		"an evidence file":        {edit("evidence/", func([]byte) []byte { return []byte("{}") }), []string{"evidence/"}},
		"no control file":         {remove("controls/"), []string{".yaml is left out", "not computed again: the control file with the SHA-256"}},
		"no outcomes":             {remove("results/RES-1.jsonl"), []string{"results/RES-1.jsonl is left out"}},
		"no population":           {remove("populations/POP-2.json"), []string{"populations/POP-2.json is left out"}},
		"no page":                 {remove("index.html"), []string{"index.html is left out"}},
		"a file too many":         {func(f []file) []file { return slices.Insert(f, 0, file{"extra.txt", []byte("hello")}) }, []string{"extra.txt belongs to nothing"}},
		"a second population set": {func(f []file) []file { return slices.Insert(f, 0, file{"populations/POP-99.json", []byte("{}")}) }, []string{"populations/POP-99.json belongs to nothing"}},
	} {
		verified, err := verify(w.vouch(c.change(slices.Clone(original))), check(w.VerifierKey))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if (len(c.says) == 0) != (len(verified.Differences) == 0) {
			t.Errorf("%s: %q", name, verified.Differences)
		}
		all := strings.Join(verified.Differences, "\n")
		for _, says := range c.says {
			if !strings.Contains(all, says) {
				t.Errorf("%s: %q, want %q", name, verified.Differences, says)
			}
		}
	}
	for name, c := range map[string]struct {
		change func([]file) []file
		says   string
	}{
		"an event":     {edit("log/tile/entries/", replace("good", "evil")), "event "},
		"a leaf hash":  {edit("log/tile/0/", func(d []byte) []byte { d[40] ^= 1; return d }), "event 1: "},
		"no tile":      {remove("log/tile/0/"), "no log/tile/0/"},
		"no events":    {remove("log/tile/entries/"), "no log/tile/entries/"},
		"a checkpoint": {edit("log/checkpoint", func(d []byte) []byte { d[len(d)/2] ^= 1; return d }), "checkpoint"},
	} {
		_, err := verify(w.vouch(c.change(slices.Clone(original))), check(w.VerifierKey))
		if !errors.Is(err, evidence.ErrBundle) && !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// documentsOf is the path of the first population's documents.
func documentsOf(t testing.TB, files []file) string {
	t.Helper()
	var banked struct{ SHA256 string }
	if err := json.Unmarshal(files[find(t, files, "populations/POP-1.json")].data, &banked); err != nil {
		t.Fatal(err)
	}
	return "populations/" + banked.SHA256 + ".jsonl"
}
