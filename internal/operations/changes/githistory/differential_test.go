package githistory

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// logFormat prints what a Change holds, and the trailers, from Git's own reading. Fields end
// with 0x1f, trailers with 0x1e, tokens with 0x1d.
const logFormat = "%H%x1f%P%x1f%an%x1f%ae%x1f%at%x1f%cn%x1f%ce%x1f%ct%x1f%s%x1f%(trailers:only,unfold,separator=%x1e,key_value_separator=%x1d)"

type logged struct {
	Change   Change
	Trailers []Trailer
}

// gitLog reads a branch by the real program.
func gitLog(t rapid.TB, dir string, args ...string) map[string]logged {
	t.Helper()
	args = append([]string{"-c", "i18n.logOutputEncoding=UTF-8", "log", "-z", "--format=" + logFormat}, args...)
	out, err := tryGit(dir, nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	commits := map[string]logged{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		if entry == "" {
			continue
		}
		f := strings.Split(cleanText(entry), "\x1f")
		if len(f) != 10 {
			t.Fatalf("git log printed %d fields: %q", len(f), entry)
		}
		l := logged{Change: Change{
			ID: f[0], Parents: strings.Fields(f[1]), Title: f[8],
			Author: Person{Name: f[2], Email: f[3]}, AuthoredAt: gitTime(f[4]),
			Committer: Person{Name: f[5], Email: f[6]}, MergedAt: gitTime(f[7]),
		}}
		l.Change.Merge = len(l.Change.Parents) > 1
		if f[9] != "" {
			for tr := range strings.SplitSeq(f[9], "\x1e") {
				token, value, _ := strings.Cut(tr, "\x1d")
				l.Trailers = append(l.Trailers, Trailer{Token: token, Value: value})
			}
		}
		commits[f[0]] = l
	}
	return commits
}

// gitTime reads seconds as %at prints them; Git prints nothing for a date it cannot read.
func gitTime(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > maxSecond {
		n = 0
	}
	return time.Unix(n, 0).UTC()
}

// messages draws commit messages that are hard to tell trailers from text in.
func messages() *rapid.Generator[string] {
	line := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "", " ", "\t", "A subject", "some text", "more: text", "# comment", "#: odd", "---", "Conflicts:", "\tpath/file.go",
			"Reviewed-by: Cy <cy@example.org>", "reviewed-BY:dee@example.org", "Reviewed-by : Eve", "Acked-by: ", "Approved-by: F\r",
			"Signed-off-by: Ada Author <ada@example.org>", "(cherry picked from commit 0123456)", "Signed-off-by:x",
			" continued", "\tcontinued: here", "Not a trailer because", "Key with space: x", "Key  : x", ": empty", "a-b-c: d", "Ünïcode: x", "http://example.org/x",
			"-: dash", " Reviewed-by: indented", "# ------------------------ >8 ------------------------", "Change-Id: I0123", "Bug=123", "\v: vt", "x\v: y", "\f",
		}),
		rapid.StringMatching(`[A-Za-z -]{0,8}:? ?[a-z <>@.#]{0,12}\r?`),
	)
	return rapid.Custom(func(t *rapid.T) string {
		lines := rapid.SliceOfN(line, 0, 14).Draw(t, "lines")
		end := rapid.SampledFrom([]string{"\n", "", "\n\n", "\n \n"}).Draw(t, "end")
		return strings.Join(lines, "\n") + end
	})
}

// idents draws identity lines, odd ones too.
func idents() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		name := rapid.SampledFrom([]string{"Ada", "Ada  B. ", "", " ", "A <b> C", "Jos\u00e9", "Jos\xe9", "x > y", "\"Q\"", "  lead"}).Draw(t, "name")
		mail := rapid.SampledFrom([]string{"<ada@example.org>", "<>", "< sp@example.org >", "<a@b>>", "<a@b> <c@d>", "<a"}).Draw(t, "mail")
		date := rapid.SampledFrom([]string{
			"1700000000 +0000", "1700000001 -0330", "1700000000 +9999", "0 +0000", "1 +0000", "253402300799 +0000", "253402300800 +0000", "99999999999999999999 +0000",
			"18446744073709551615 +0000", "1700000002 +051800", " 1700000003  +0100", "1700000004 +0000 ",
		}).Draw(t, "date")
		return name + " " + mail + " " + date
	})
}

// Random histories (merges, octopuses, several roots, equal times, clocks that run backwards,
// odd identities, declared encodings) are read as the real program reads them.
func TestChangesAreWhatGitLogPrints(t *testing.T) {
	dir := newBare(t)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "commits")
		var ids []string
		for i := range n {
			var parents []string
			if i > 0 {
				count := rapid.SampledFrom([]int{0, 1, 1, 1, 1, 2, 2, 3, 5}).Draw(rt, "parents")
				if i == n-1 {
					count = max(count, 1)
				}
				seen := map[int]bool{}
				for range count {
					p := rapid.IntRange(max(0, i-6), i-1).Draw(rt, "parent")
					if !seen[p] {
						seen[p] = true
						parents = append(parents, ids[p])
					}
				}
			}
			more := rapid.SampledFrom([]string{
				"", "", "encoding ISO-8859-1\n", "encoding utf8\n", "encoding windows-1251\n", "encoding latin-1\n", "encoding no-such\n", "encoding ISO-8859-1\nencoding utf8\n",
				"gpgsig -----BEGIN SIGNATURE-----\n \n parent 0000\n author Mallory <m@example.org> 1 +0000\n -----END SIGNATURE-----\n",
				"author Mallory <m@example.org> 1 +0000\n", "HG:extra x\n",
			}).Draw(rt, "more")
			message := messages().Draw(rt, "message")
			if rapid.Bool().Draw(rt, "bytes") {
				message = rapid.SampledFrom([]string{"\xe9t\xe9 ", "\xe9 \x00", "subject\n\nAcked-by: x\n\x00", "\u00e9t\u00e9 ", "\xd0\xcf "}).Draw(rt, "prefix") + message
			}
			c := rawCommit(parents, idents().Draw(rt, "author"), idents().Draw(rt, "committer"), more, message)
			id, err := tryStore(dir, c)
			if err != nil {
				rt.Fatal(err)
			}
			ids = append(ids, id[0])
		}
		want := gitLog(rt, dir, "main")
		got, stats, err := tryRead(dir, "main", Query{Repository: "-"})
		if err != nil {
			rt.Fatal(err)
		}
		if len(got) != len(want) || stats.Walked != len(want) || stats.Taken != len(want) {
			rt.Fatalf("read %d changes (%+v), git prints %d", len(got), stats, len(want))
		}
		for _, g := range got {
			w := want[g.ID].Change
			g.Repository, g.Reviewers = "", nil
			if len(g.Parents) == 0 {
				g.Parents = w.Parents
			}
			if diff := cmp.Diff(w, g); diff != "" {
				rt.Fatalf("commit %s differs (-git +ours):\n%s", g.ID, diff)
			}
		}
	})
}

func TestTrailersAreWhatGitPrints(t *testing.T) {
	dir := newBare(t)
	rapid.Check(t, func(rt *rapid.T) {
		drawn := rapid.SliceOfN(messages(), 1, 30).Draw(rt, "messages")
		byID := map[string]string{}
		var parents []string
		for _, m := range drawn {
			id, err := tryStore(dir, rawCommit(parents, anAuthor, aCommitter, "", m))
			if err != nil {
				rt.Fatal(err)
			}
			byID[id[0]], parents = m, id
		}
		for id, l := range gitLog(rt, dir, "main") {
			if diff := cmp.Diff(l.Trailers, Trailers(byID[id])); diff != "" {
				rt.Fatalf("trailers of %q differ (-git +ours):\n%s", byID[id], diff)
			}
			if got := Subject(byID[id]); got != l.Change.Title {
				rt.Fatalf("subject of %q: %q, git prints %q", byID[id], got, l.Change.Title)
			}
		}
	})
}

// The program for trailers reads a message in the same way when it is told that there is no
// divider.
func TestTrailersAreWhatInterpretTrailersParses(t *testing.T) {
	dir := t.TempDir()
	for i, m := range []string{
		"subject\n\nReviewed-by: Cy <cy@example.org>\n",
		"subject\n\ntext\n\nReviewed-by: Cy\n <cy@example.org>\nAcked-by: Dee\n",
		"subject\n\nSigned-off-by: A <a@example.org>\nnot one\nnor this\nnor this\n",
		"subject\n\nSigned-off-by: A <a@example.org>\nnot one\nnor this\nnor this\nnor that\n",
		"Reviewed-by: the subject paragraph has none\n",
		"subject\n\nReviewed-by: Cy\n---\nReviewed-by: Dee\n",
		"subject\n\nReviewed-by: Cy\n\tReviewer\n\n# a comment\n",
		"subject\n\nSigned-off-by: A <a@example.org>\ntext\n goes on\n and on\n and on\n",
		"subject\n\nSigned-off-by: A <a@example.org>\ntext\n goes on\n and on\n",
		"subject\n\nSigned-off-by: A <a@example.org>\n goes on\n and on\n and on\n and on\n",
	} {
		file := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(file, []byte(m), 0o600); err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, tr := range Trailers(m) {
			got.WriteString(tr.Token + ": " + tr.Value + "\n")
		}
		if want := gitIn(t, dir, nil, "interpret-trailers", "--parse", "--no-divider", file); got.String() != want {
			t.Errorf("trailers of %q:\n%sgit prints:\n%s", m, got.String(), want)
		}
	}
}

// The half-open interval is on commit time; git's own --since prunes the walk, so the real
// program is asked for everything and filtered here.
func TestIntervalIsOnCommitTimeAndHalfOpen(t *testing.T) {
	dir := newBare(t)
	rapid.Check(t, func(rt *rapid.T) {
		var ids []string
		times := map[string]int64{}
		for range rapid.IntRange(1, 12).Draw(rt, "commits") {
			at := 1700000000 + rapid.Int64Range(0, 6).Draw(rt, "at")
			var parents []string
			if len(ids) > 0 {
				parents = ids[len(ids)-1:]
			}
			id, err := tryStore(dir, rawCommit(parents, anAuthor, "B <b@example.org> "+strconv.FormatInt(at, 10)+" +0000", "", strconv.Itoa(len(ids))))
			if err != nil {
				rt.Fatal(err)
			}
			ids, times[id[0]] = append(ids, id[0]), at
		}
		from := 1700000000 + rapid.Int64Range(0, 6).Draw(rt, "from")
		to := from + rapid.Int64Range(0, 6).Draw(rt, "length")
		q := Query{}
		if rapid.Bool().Draw(rt, "since") {
			q.Since = time.Unix(from, 0)
		}
		if rapid.Bool().Draw(rt, "until") {
			q.Until = time.Unix(to, 0)
		}
		want := map[string]bool{}
		for id, at := range times {
			if (q.Since.IsZero() || at >= from) && (q.Until.IsZero() || at < to) {
				want[id] = true
			}
		}
		got, stats, err := tryRead(dir, "main", q)
		if err != nil {
			rt.Fatal(err)
		}
		for _, c := range got {
			if !want[c.ID] {
				rt.Fatalf("%s of %d is not in the interval", c.ID, times[c.ID])
			}
		}
		if len(got) != len(want) || stats.Taken != len(want) || stats.Walked != len(ids) {
			rt.Fatalf("took %d of %d, want %d; %+v", len(got), len(ids), len(want), stats)
		}
	})
}
