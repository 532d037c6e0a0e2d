package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEvidenceIsExportedAndVerifiedWithoutAFolder(t *testing.T) {
	dir := initialised(t)
	ok := func(args ...string) string {
		t.Helper()
		code, out, complaint := scaf(t, dir, args...)
		if code != 0 {
			t.Fatalf("%v: %d %s", args, code, complaint)
		}
		return out
	}
	bundle, key := filepath.Join(t.TempDir(), "bundle"), filepath.Join(t.TempDir(), "key")
	ok("period", "open", "P", "--from", "2026-01-01", "--to", "2026-02-01")
	ok("period", "close", "P")
	ok("control", "test", "LOG-01", "--period", "P")
	if err := os.WriteFile(key, []byte(ok("ledger", "key")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := ok("evidence", "export", "--period", "P", "-o", bundle); !strings.Contains(out, "personal   people") || !strings.Contains(out, "manifest ") {
		t.Error(out)
	}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	code, out, complaint := scaf(t, nowhere, "evidence", "verify", bundle, "--key", key)
	if code != 0 || !strings.Contains(out, "computed again with the same result") || !strings.Contains(out, "LOG-01") || !strings.Contains(out, "time self-asserted") {
		t.Errorf("%d %s %s", code, out, complaint)
	}
	code, out, _ = scaf(t, nowhere, "evidence", "verify", bundle, "--key", key, "--json")
	var said struct{ Differences []string }
	if err := json.Unmarshal([]byte(out), &said); code != 0 || err != nil || said.Differences == nil || len(said.Differences) > 0 {
		t.Errorf("%d %v %s", code, err, out)
	}
	data, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	changed := filepath.Join(t.TempDir(), "changed")
	if err := os.WriteFile(changed, data, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"changed":     {[]string{"evidence", "verify", changed, "--key", key}, 1, "the bundle is refused"},
		"a wrong key": {[]string{"evidence", "verify", bundle, "--key", bundle}, 1, "verifier key"},
		"no key":      {[]string{"evidence", "verify", bundle}, 2, "--key"},
		"no file":     {[]string{"evidence", "verify", "--key", key}, 2, "one argument"},
		"none there":  {[]string{"evidence", "verify", nowhere, "--key", key}, 3, "no such file"},
		"no output":   {[]string{"evidence", "export", "--period", "P"}, 2, "-o FILE"},
		"no period":   {[]string{"evidence", "export", "--period", "Q", "-o", bundle}, 3, "no such period"},
		"no place":    {[]string{"evidence", "export", "--period", "P", "-o", filepath.Join(nowhere, "x")}, 3, "no such file"},
	} {
		code, out, complaint := scaf(t, dir, c.args...)
		if code != c.code || !strings.Contains(complaint, c.says) || strings.Count(complaint, "\n") != 1 {
			t.Errorf("%s: %d %q %q, want %d and %q", name, code, out, complaint, c.code, c.says)
		}
	}
}
