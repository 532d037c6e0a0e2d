package changes_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/operations/changes/githistory"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

func git(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C")
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, problem.String())
	}
	return strings.TrimSpace(out.String())
}

const first = 1_767_225_600 // 2026-01-01T00:00:00Z

// repository makes one of n commits, one a day from first on, every fifth one
// a merge.
func repository(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop.git")
	git(t, ".", "", "init", "-q", "--bare", "--initial-branch=main", dir)
	var in strings.Builder
	for i := 1; i <= n; i++ {
		message := fmt.Sprintf("change %d\n\nWhy.\n\nReviewed-by: Ben <ben@example.org>\nTested-by: Tom <tom@example.org>\n", i)
		at := first + 86400*(i-1)
		fmt.Fprintf(&in, "commit refs/heads/main\nmark :%d\nauthor Ada <ada@example.org> %d +0200\ncommitter Ben <ben@example.org> %d +0000\ndata %d\n%s", i, at-60, at, len(message), message)
		if i > 1 {
			fmt.Fprintf(&in, "from :%d\n", i-1)
		}
		if i > 5 && i%5 == 0 {
			fmt.Fprintf(&in, "merge :%d\n", i-3)
		}
		in.WriteByte('\n')
	}
	git(t, dir, in.String(), "fast-import", "--quiet")
	return dir
}

var kinds = record.Kinds{changes.Register}

func day(n int) time.Time { return time.Unix(first, 0).UTC().AddDate(0, 0, n) }

func run(t testing.TB, l *ledgertest.Ledger, g changes.GitImport) *record.Completed {
	t.Helper()
	g.Door, g.Caller = l.Door, ledgertest.Operator
	done, err := g.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if done.Read != done.Taken+done.Updated+done.Skipped+done.Refused {
		t.Errorf("the summary does not add up: %+v", done.Summary)
	}
	return done
}

func TestCommitsBecomeChangesOnce(t *testing.T) {
	dir := repository(t, 12)
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		all := changes.GitImport{Path: dir, Branch: "main", Since: day(2), Until: day(10)}
		done := run(t, l, all)
		if done.Read != 8 || done.Taken != 8 || !done.Complete || len(done.Gaps) != 0 {
			t.Errorf("%+v %+v", done, done.Summary)
		}
		again := run(t, l, all)
		if again.Taken != 0 || again.Skipped != 8 || !again.Complete {
			t.Errorf("again: %+v", again.Summary)
		}
		docs := l.Population(t, "change")
		if len(docs) != 8 {
			t.Fatalf("%d changes", len(docs))
		}
		var change changes.Change
		if err := json.Unmarshal([]byte(docs[2]), &change); err != nil {
			t.Fatal(err)
		}
		authored, merged := day(4).Add(-time.Minute), day(4)
		want := changes.Change{
			ID: git(t, dir, "", "log", "--format=%H", "--grep=^change 5$"), Title: "change 5",
			Author: changes.Person{Name: "Ada", Email: "ada@example.org"}, Committer: changes.Person{Name: "Ben", Email: "ben@example.org"},
			Reviewers:  []changes.Person{{Name: "Ben", Email: "ben@example.org"}},
			AuthoredAt: &authored, MergedAt: &merged, Repository: "shop", Asserted: true, State: changes.Merged,
		}
		if diff := cmp.Diff(want, change); diff != "" {
			t.Error(diff)
		}
		if _, err := changes.Register.Decode([]byte(docs[2])); err != nil {
			t.Errorf("what was imported is not valid: %v", err)
		}
		if merges := strings.Count(strings.Join(docs, "\n"), `"merge":true`); merges != 1 {
			t.Errorf("%d merges, want 1", merges)
		}
		l.Verify(t, record.Kinds{changes.Register})
		recorded(t, l, 2, done)
	})
}

// recorded checks the events at the end of imports.
func recorded(t *testing.T, l *ledgertest.Ledger, n int, want *record.Completed) {
	t.Helper()
	events := l.Events(t, "scaf.import.completed.v1")
	if len(events) != n {
		t.Fatalf("%d imports are recorded, want %d", len(events), n)
	}
	if events[0].Subject != "import/git" || events[0].Actor != ledgertest.Operator.ID {
		t.Errorf("subject %q, actor %q", events[0].Subject, events[0].Actor)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(events[0].Data) {
		t.Errorf("the event differs from the result:\n%s\n%s", events[0].Data, text)
	}
	var data struct {
		Register, Scope string
		Since, Until    time.Time
		Query           struct{ Branch, Tip string }
	}
	if err := json.Unmarshal(events[0].Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.Register != "changes" || data.Scope != "shop" || !data.Since.Equal(day(2)) || !data.Until.Equal(day(10)) || data.Query.Branch != "refs/heads/main" || len(data.Query.Tip) != 40 {
		t.Errorf("%+v", data)
	}
}

func TestHalvesAreTheWhole(t *testing.T) {
	dir := repository(t, 40)
	whole := ledgertest.New(t, storetest.SQLite(t), kinds...)
	run(t, whole, changes.GitImport{Path: dir})
	want := whole.Population(t, "change")
	if len(want) != 40 {
		t.Fatalf("%d changes", len(want))
	}
	for _, at := range []int{0, 1, 17, 39, 40} {
		halves := ledgertest.New(t, storetest.SQLite(t), kinds...)
		run(t, halves, changes.GitImport{Path: dir, Since: day(at)}) // the later half first
		run(t, halves, changes.GitImport{Path: dir, Until: day(at)})
		if diff := cmp.Diff(want, halves.Population(t, "change")); diff != "" {
			t.Errorf("parted at day %d: %s", at, diff)
		}
		halves.Verify(t, record.Kinds{changes.Register})
	}
}

func TestTrailersAndNameCanBeChosen(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	run(t, l, changes.GitImport{Path: repository(t, 1), Trailers: []string{"tested-by"}, Repository: "example/shop"})
	doc := l.Population(t, "change")[0]
	if !strings.Contains(doc, `"reviewers":[{"email":"tom@example.org","name":"Tom"}]`) || !strings.Contains(doc, `"repository":"example/shop"`) {
		t.Error(doc)
	}
}

func TestACommitWithoutMessageIsAChangeThatCanBeEdited(t *testing.T) {
	dir := repository(t, 1)
	tree := git(t, dir, "", "rev-parse", "main^{tree}")
	odd := git(t, dir, "tree "+tree+"\nauthor <> 1767225600 +0000\ncommitter Ben <ben@example.org> 1767225600 +0000\n\n", "hash-object", "-t", "commit", "-w", "--stdin", "--literally")
	git(t, dir, "", "update-ref", "refs/heads/odd", odd)
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	done := run(t, l, changes.GitImport{Path: dir, Branch: "odd"})
	if done.Taken != 1 || !done.Complete {
		t.Fatalf("%+v", done.Summary)
	}
	if _, err := changes.Register.Decode([]byte(l.Population(t, "change")[0])); err != nil {
		t.Error(err)
	}
}

func TestAShallowCloneIsIncomplete(t *testing.T) {
	dir := repository(t, 8)
	clone := filepath.Join(t.TempDir(), "clone")
	git(t, ".", "", "clone", "-q", "--depth=3", "file://"+dir, clone)
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	done := run(t, l, changes.GitImport{Path: clone})
	if done.Complete || len(done.Gaps) != 1 || !strings.Contains(done.Gaps[0], "shallow clone that leaves out 1 parents") {
		t.Errorf("complete %v, gaps %q", done.Complete, done.Gaps)
	}
	if data := string(l.Events(t, "scaf.import.completed.v1")[0].Data); !strings.Contains(data, `"complete":false`) {
		t.Errorf("the event says %s", data)
	}
}

func TestAHistoryThatBreaksOffIsIncomplete(t *testing.T) {
	dir := repository(t, 0)
	tree := git(t, dir, "", "mktree")
	missing := strings.Repeat("1", 40)
	tip := git(t, dir, fmt.Sprintf("tree %s\nparent %s\nauthor A <a@example.org> %d +0000\ncommitter A <a@example.org> %d +0000\n\nlast\n", tree, missing, first, first),
		"hash-object", "-t", "commit", "-w", "--stdin", "--literally")
	git(t, dir, "", "update-ref", "refs/heads/main", tip)
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	done := run(t, l, changes.GitImport{Path: dir})
	if done.Complete || done.Taken != 1 || done.Refused != 1 || !strings.Contains(done.Gaps[0], missing) {
		t.Errorf("%+v, gaps %q", done.Summary, done.Gaps)
	}
}

func TestDetachedHead(t *testing.T) {
	dir := repository(t, 3)
	work := filepath.Join(t.TempDir(), "work")
	git(t, ".", "", "clone", "-q", dir, work)
	git(t, work, "", "checkout", "-q", "--detach", "HEAD~1")
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	if done := run(t, l, changes.GitImport{Path: work}); done.Taken != 2 {
		t.Errorf("%+v", done.Summary)
	}
}

func TestWhatCannotBeReadLeavesNothing(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	for name, tc := range map[string]struct {
		g    changes.GitImport
		is   error
		want string
	}{
		"no repository":  {changes.GitImport{Path: t.TempDir()}, githistory.ErrNotRepository, "not a git repository"},
		"missing":        {changes.GitImport{Path: "/does/not/exist"}, os.ErrNotExist, "/does/not/exist"},
		"unknown branch": {changes.GitImport{Path: repository(t, 1), Branch: "nope"}, nil, `unknown branch "nope": the repository has main`},
		"no commits":     {changes.GitImport{Path: repository(t, 0)}, githistory.ErrNoCommits, ""},
	} {
		t.Run(name, func(t *testing.T) {
			tc.g.Door, tc.g.Caller = l.Door, ledgertest.Operator
			_, err := tc.g.Run(context.Background())
			if err == nil || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v", err)
			}
		})
	}
	g := changes.GitImport{Door: l.Door, Caller: act.Caller{ID: "token/1"}, Path: repository(t, 1)}
	if _, err := g.Run(context.Background()); !errors.Is(err, act.ErrDenied) {
		t.Errorf("without a role: %v", err)
	}
	if n := len(l.Events(t, "*")); n != 1 {
		t.Errorf("%d events, want the denial only", n)
	}
}

// BenchmarkImport takes 20,000 commits a turn; the aim is 5,000
// commits/s.
func BenchmarkImport(b *testing.B) {
	const n = 20_000
	dir := repository(b, n)
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				l := ledgertest.New(b, database(b), kinds...)
				b.StartTimer()
				if done := run(b, l, changes.GitImport{Path: dir}); done.Taken != n {
					b.Fatalf("%+v", done.Summary)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "commits/s")
		})
	}
}
