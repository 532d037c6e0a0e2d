package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestADemoEndsOnADay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	if code, _, complaint := scaf(t, dir, "demo", "--until", "soon"); code != 2 || strings.Count(complaint, "\n") != 1 || !strings.Contains(complaint, "2025-01-22") {
		t.Errorf("exit %d: %s", code, complaint)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("a folder is left: %v", err)
	}
	code, out, complaint := scaf(t, dir, "demo", "--until", "2024-12-29")
	if code != 0 || !strings.Contains(out, "Computed 2024-12-28T") {
		t.Errorf("exit %d: %.300s %s", code, out, complaint)
	}
}
