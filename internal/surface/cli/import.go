package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/record"
)

func (p *program) importCommand() *cobra.Command {
	return noun("import", "Take changes, events and records from elsewhere; run again, take only what is new",
		p.importGit(), p.importCloudTrail(), p.importCSV(), p.importXLSX(), p.importEvents())
}

// shown is how many refusals and gaps the text lists; --json has more.
const shown = 20

// imported prints what came of an import. It is the error of a failed check
// when something was refused.
func (p *program) imported(done *record.Completed, title, unit string, more func(w io.Writer)) error {
	if err := p.print(done, func(w io.Writer) {
		printf(w, "%s\n", title)
		printf(w, "read         %d %s\n", done.Read, unit)
		printf(w, "taken        %d\n", done.Taken)
		if done.Updated > 0 {
			printf(w, "updated      %d\n", done.Updated)
		}
		printf(w, "skipped      %d that were there already\n", done.Skipped)
		if done.Differing > 0 {
			how := "see scaf record history"
			if done.Source != "git" {
				how = "--update takes them"
			}
			printf(w, "             %d of them differ from the record: %s\n", done.Differing, how)
			for _, id := range done.DifferingIDs {
				printf(w, "             - %s\n", id)
			}
		}
		printf(w, "refused      %d\n", done.Refused)
		if more != nil {
			more(w)
		}
		if done.Complete {
			printf(w, "complete     yes: all that was asked for was read\n")
		} else {
			printf(w, "complete     no\n")
		}
		for _, gap := range done.Gaps[:min(len(done.Gaps), shown)] {
			wrapped(w, "  - ", gap)
		}
		if done.Refused > 0 {
			printf(w, "\nRefused:\n")
			for _, refusal := range done.Reasons[:min(len(done.Reasons), shown)] {
				wrapped(w, "  - ", refusal.Where+": "+refusal.Reason)
			}
			if rest := done.Refused - int64(min(len(done.Reasons), shown)); rest > 0 {
				printf(w, "  and %d more\n", rest)
			}
		}
	}); err != nil {
		return err
	}
	if done.Refused > 0 {
		return failed{fmt.Errorf("%d of %d %s were refused; the first: %s: %s", done.Refused, done.Read, unit, done.Reasons[0].Where, done.Reasons[0].Reason)}
	}
	return nil
}

// period is the interval of an import as text.
func period(since, until *time.Time) string {
	from, to := "the beginning", "now"
	if since != nil {
		from = since.Format(time.RFC3339)
	}
	if until != nil {
		to = until.Format(time.RFC3339)
	}
	return "from " + from + " up to " + to
}

// details reads what a source says of itself back from the result.
func details[T any](done *record.Completed) T {
	d, _ := done.Details.(T)
	return d
}

// staged is a file that can be read twice: the file itself, or a copy of what
// comes through a pipe, which is removed again.
func (p *program) staged(name string) (file *os.File, shownName string, release func(), err error) {
	source, err := p.file(name)
	if err != nil {
		return nil, "", nil, err
	}
	if f, ok := source.(*os.File); ok && rewindable(f) != nil {
		return f, name, func() { _ = f.Close() }, nil
	}
	defer func() { _ = source.Close() }()
	if name == "-" {
		name = "standard input"
	}
	if f, ok := source.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, "", nil, fmt.Errorf("%s is a folder, not a file", name)
		}
	}
	file, err = os.CreateTemp("", "scaf-import-*")
	if err != nil {
		return nil, "", nil, err
	}
	release = func() { _ = file.Close(); _ = os.Remove(file.Name()) }
	if _, err = io.Copy(file, source); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		release()
		return nil, "", nil, fmt.Errorf("%s: %w", name, err)
	}
	return file, name, release, nil
}

// asText is a value as one line of JSON.
func asText(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
