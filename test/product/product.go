// Package product builds the program for the tests that run it: the static binary that
// users have, without the race detector, which watches the packages in their own tests.
package product

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	// A change of the product is one of the tests that run it, or go test would find
	// their earlier results.
	_ "scaf.dev/scaf/internal/app"
	_ "scaf.dev/scaf/internal/surface/cli"
)

// Version is what the program says of itself.
const Version = "test"

// Build puts the program into a folder and returns its path. From now on programs that
// the process starts have their own memory settings, not those of the tests.
func Build(folder string) (path string, err error) {
	if err := os.Unsetenv("GOGC"); err != nil {
		return "", err
	}
	path = filepath.Join(folder, "scaf")
	command := exec.CommandContext(context.Background(), "go", "build", "-trimpath", "-ldflags", "-X main.version="+Version, "-o", path, "scaf.dev/scaf/cmd/scaf") //nolint:gosec // the folder is the test's own
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return path, nil
}
