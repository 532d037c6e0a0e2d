//go:build bench

package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// section is one section of docs/benchmarks.md.
type section struct {
	name, title string
	parts       []string
}

// say adds a paragraph.
func (s *section) say(format string, args ...any) {
	s.parts = append(s.parts, fmt.Sprintf(format, args...))
}

// table adds a table; the first row is its head.
func (s *section) table(rows ...[]string) {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString("|" + strings.Repeat(" --- |", len(row)) + "\n")
		}
	}
	s.parts = append(s.parts, strings.TrimSuffix(b.String(), "\n"))
}

func (s *section) markdown() string {
	return "## " + s.title + "\n\n" + machine() + "\n\n" + strings.Join(s.parts, "\n\n") + "\n"
}

// machine says where and when this was measured.
func machine() string {
	model := "unknown CPU"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s · %d cores of %s · %s/%s · %s · commit %s", day(), runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version(), commit())
}

// day is DATE, or today.
func day() string {
	if text := os.Getenv("DATE"); text != "" {
		return text
	}
	return time.Now().UTC().Format(time.DateOnly)
}

// commit is what was built, COMMIT where the build does not know.
func commit() string {
	if text := os.Getenv("COMMIT"); text != "" {
		return text
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return setting.Value[:12]
			}
		}
	}
	return "unknown"
}

const introduction = `# Benchmarks

Written by ` + "`make bench`" + `; every section says when and where it was measured. Absolute figures wander with the machine, so
the one that counts is the ratio against the named baseline of the same run: baseline and SCAF take turns, and each figure
is the median of the rounds (ratios: of the rounds' ratios). Events have 1 KiB as submitted, and are durable (fsync)
before they are acknowledged.
`

// replaceSection puts a section in the place of the earlier one of this name.
func replaceSection(path string, s section) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	begin := func(name string) string { return "<!-- " + name + " -->\n" }
	kept := map[string]string{}
	for _, one := range benchmarks {
		if _, after, ok := strings.Cut(string(text), begin(one.name)); ok {
			kept[one.name], _, _ = strings.Cut(after, "\n<!-- ")
		}
	}
	kept[s.name] = strings.TrimRight(s.markdown(), "\n")
	var b strings.Builder
	b.WriteString(introduction)
	for _, one := range benchmarks {
		if kept[one.name] != "" {
			b.WriteString("\n" + begin(one.name) + strings.TrimRight(kept[one.name], "\n") + "\n")
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// met is a target and whether it was met.
func met(target string, ok bool) string {
	if ok {
		return target + ": met"
	}
	return target + ": **not met**"
}

// median of an odd or even number of values; 0 of none.
func median[V ~int64 | ~float64](values []V) V {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// quantile of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// count writes a number with its thousands apart.
func count[V ~int | ~int64 | ~float64](n V) string {
	text := fmt.Sprintf("%.0f", float64(n))
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func megabytes(kilobytes int64) string { return fmt.Sprintf("%d MB", (kilobytes+1023)/1024) }
