package results

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Part is a part of a period, and the control file that is tested over it: that
// of the version in force; where none was, the one that came next, or the one
// that is given.
type Part struct {
	versions.Part
	Control *controls.Control
}

// Files reads control files by their hashes, each once. It is safe for concurrent use.
type Files struct {
	Blobs blob.Store
	Kinds record.Kinds // whose registers control files may name
	known sync.Map     // of *controls.Control
}

// maxControl bounds a control file in bytes.
const maxControl = 1 << 20

// Control reads the control file with the SHA-256; given is one that may be it.
func (f *Files) Control(ctx context.Context, sha256 string, given *controls.Control) (*controls.Control, error) {
	if given != nil && given.SHA256 == sha256 {
		return given, nil
	}
	if known, ok := f.known.Load(sha256); ok {
		if control, ok := known.(*controls.Control); ok {
			return control, nil
		}
	}
	file, err := f.Blobs.Open(ctx, sha256)
	if err != nil {
		return nil, fmt.Errorf("the control file %s: %w", sha256, err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxControl))
	if err != nil {
		return nil, fmt.Errorf("the control file %s: %w", sha256, err)
	}
	control, err := controls.Parse("version "+sha256[:12], data, controls.Builtin(f.Kinds))
	if err != nil {
		return nil, err
	}
	f.known.Store(sha256, control)
	return control, nil
}

// Plan says which file of a control is tested over which part of a period, by
// the versions that were approved as of a checkpoint (0: now). given is the
// file in use.
func (f *Files) Plan(ctx context.Context, from populations.Snapshot, asOf int64, given *controls.Control, period *periods.Period) ([]Part, error) {
	cut, err := versions.Parts(from, given.ID, asOf, period.From, period.To)
	if err != nil {
		return nil, err
	}
	parts := make([]Part, len(cut))
	following := given
	for i := len(cut) - 1; i >= 0; i-- {
		if v := cut[i].Version; v != nil {
			if following, err = f.Control(ctx, v.SHA256, given); err != nil {
				return nil, fmt.Errorf("%s: %w", v.ID, err)
			}
		}
		parts[i] = Part{cut[i], following}
	}
	return parts, nil
}

func (l *Lab) files() *Files { return &Files{Blobs: l.Blobs, Kinds: l.Kinds} }

// Plan says which file of a control is tested over which part of a period.
func (l *Lab) Plan(ctx context.Context, given *controls.Control, period *periods.Period) (parts []Part, err error) {
	err = l.DB.Read(ctx, func(r *store.Reader) (err error) {
		parts, err = l.files().Plan(ctx, populations.Stored(r), 0, given, period)
		return err
	})
	return parts, err
}

// Differs reports whether the file in use is another one than the version that
// is in force over the last part of a plan.
func Differs(given *controls.Control, parts []Part) bool {
	last := parts[len(parts)-1]
	return last.Version != nil && last.Version.SHA256 != given.SHA256
}

// window is the part of a task that can be tested now, and until when its
// deadlines are judged: for an open period as far as we know.
func (task *Task) window(from populations.Snapshot, kinds record.Kinds, asOf int64, now time.Time) (w populations.Window, err error) {
	if w.Zone, err = time.LoadLocation(task.Period.Timezone); err != nil {
		return w, err
	}
	w.AsOf, w.From, w.To, w.Until = asOf, task.Period.From, task.Period.To, task.Period.To
	w.Interim = task.interim()
	if w.Interim {
		if now.Before(w.To) {
			w.To, w.Until = now, now
		}
		coverage, err := imported(from, kinds, task.Test.Population.From, w)
		if err != nil {
			return w, err
		}
		if coverage.Imports > 0 && coverage.Until.After(w.From) && coverage.Until.Before(w.To) {
			w.To = coverage.Until.Truncate(time.Microsecond)
			w.Until = w.To
		}
	}
	begin := w.From
	if task.Part != nil {
		begin = task.Part.From
		w.From = begin
		if task.Part.To.Before(w.To) {
			w.To = task.Part.To
		}
	}
	if !w.From.Before(w.To) {
		return w, fmt.Errorf("%w: %s begins at %s", ErrNotBegun, task.Period.Name, begin.Format(time.RFC3339))
	}
	return w, nil
}
