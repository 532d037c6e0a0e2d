package evidence_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"scaf.dev/scaf/internal/assurance/evidence"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/trust/ledger"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// vector is what another verifier finds on its way through testdata/example.
type vector struct {
	ManifestSHA256 string              `json:"manifest_sha256"`
	Checkpoint     evidence.Checkpoint `json:"checkpoint"`
	ExportedEvent  int64               `json:"exported_event"`
	Records        int64               `json:"record_versions"`
	LeafHashes     []string            `json:"leaf_hashes"` // of the first events
	Files          int                 `json:"files"`
	Results        []evidence.Tested   `json:"results"`
	Documents      map[string]banked   `json:"documents"` // by population
}

// banked are the documents of a population.
type banked struct {
	SHA256 string `json:"sha256"`
	First  string `json:"first"`
	Last   string `json:"last"`
}

// The bundle in testdata was written once: that it verifies is that the format,
// and what is computed, are what they were.
func TestVectors(t *testing.T) {
	for name, made := range map[string]func() *world{
		"example": func() *world {
			w := newWorld(t, config.Config{Origin: "example.org/vector"})
			w.add(12)
			w.test()
			w.close()
			w.test()
			return w
		},
		"kinds": func() *world { // states, documents, reconciliation, cut-off
			w := newKinds(t, config.Config{Origin: "example.org/kinds"})
			w.test2()
			return w
		},
	} {
		t.Run(name, func(t *testing.T) { vectors(t, name, made) })
	}
}

func vectors(t *testing.T, name string, made func() *world) {
	bundleFile, keyFile, vectorFile := filepath.Join("testdata", name+".bundle"), filepath.Join("testdata", name+".key"), filepath.Join("testdata", name+".json")
	if *update {
		w := made()
		bundle, _ := w.export()
		if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(bundleFile, bundle, 0o600), os.WriteFile(keyFile, []byte(w.VerifierKey+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	bundle, err := os.ReadFile(bundleFile)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := verify(bundle, check(strings.TrimSpace(string(key))))
	if err != nil || len(verified.Differences) > 0 {
		t.Fatalf("%v %+v", err, verified)
	}
	files := unpack(t, bundle)
	manifest := files[len(files)-2].data
	got := vector{
		ManifestSHA256: sum(manifest), Checkpoint: verified.Checkpoint, ExportedEvent: verified.Exported, Records: verified.Records,
		Files: verified.Files, Results: verified.Results, Documents: map[string]banked{},
	}
	entries := files[find(t, files, "log/tile/entries/")].data
	for len(got.LeafHashes) < 3 { // each has its length before it, 16 bits
		size := int(entries[0])<<8 | int(entries[1])
		event, err := ledger.Read(int64(len(got.LeafHashes)), entries[2:2+size])
		if err != nil {
			t.Fatal(err)
		}
		got.LeafHashes, entries = append(got.LeafHashes, event.LeafHash), entries[2+size:]
	}
	for _, one := range verified.Results {
		var recorded struct{ SHA256 string }
		if err := json.Unmarshal(files[find(t, files, "populations/"+one.Population+".json")].data, &recorded); err != nil {
			t.Fatal(err)
		}
		content := files[find(t, files, "populations/"+recorded.SHA256)].data
		lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
		got.Documents[one.Population] = banked{sum(content), lines[0], lines[len(lines)-1]}
	}
	if *update {
		text, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var want vector
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// example reads the bundle in testdata and its key.
func example(f testing.TB) (bundle []byte, files []file, v evidence.Verification) {
	f.Helper()
	bundle, err := os.ReadFile(filepath.Join("testdata", "example.bundle"))
	if err != nil {
		f.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join("testdata", "example.key"))
	if err != nil {
		f.Fatal(err)
	}
	return bundle, unpack(f, bundle), check(strings.TrimSpace(string(key)))
}

// over writes a patch over data, which may get longer by it.
func over(data []byte, at uint32, patch []byte) []byte {
	begin := int(at) % (len(data) + 1)
	return slices.Concat(data[:begin], patch, data[min(len(data), begin+len(patch)):])
}

// FuzzArchive reads whatever as a bundle: it is refused.
func FuzzArchive(f *testing.F) {
	_, _, v := example(f)
	f.Add(pack(f, nil))
	f.Add(pack(f, []file{{"manifest.json", []byte("{}")}, {"anchor.json", []byte("{}")}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := verify(data, v); !errors.Is(err, evidence.ErrBundle) {
			t.Fatalf("%v", err)
		}
	})
}

// FuzzBytes writes whatever over a part of a bundle: it is refused, unless
// nothing has changed.
func FuzzBytes(f *testing.F) {
	bundle, _, v := example(f)
	f.Add(uint32(26), []byte{1})
	f.Add(uint32(len(bundle)-30), []byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		changed := over(bundle, at, patch)
		if _, err := verify(changed, v); err != nil && !errors.Is(err, evidence.ErrBundle) || (err == nil) != bytes.Equal(changed, bundle) {
			t.Fatalf("%v", err)
		}
	})
}

// FuzzFiles writes whatever over the manifest, the anchor or the checkpoint, in
// an archive that is right otherwise.
func FuzzFiles(f *testing.F) {
	bundle, files, v := example(f)
	places := []int{len(files) - 2, len(files) - 1, find(f, files, "log/checkpoint")}
	f.Add(uint8(0), uint32(2), []byte("c"))
	f.Add(uint8(1), uint32(30), []byte("null"))
	f.Add(uint8(2), uint32(0), []byte("x"))
	f.Fuzz(func(t *testing.T, which uint8, at uint32, patch []byte) {
		changed := slices.Clone(files)
		place := places[int(which)%len(places)]
		changed[place].data = over(files[place].data, at, patch)
		again := pack(t, changed)
		if _, err := verify(again, v); err != nil && !errors.Is(err, evidence.ErrBundle) || (err == nil) != bytes.Equal(again, bundle) {
			t.Fatalf("%v", err)
		}
	})
}
