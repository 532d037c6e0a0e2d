package githistory

import (
	"bytes"
	"context"
	"fmt"
	"testing"
)

// packedHistory makes a repository of n commits, a fifth of them merges, in one pack. Deltas
// are made as in a repository that Git has repacked.
func packedHistory(b *testing.B, n int) string {
	dir := newBare(b)
	var in bytes.Buffer
	for i := 1; i <= n; i++ {
		message := fmt.Sprintf("subject number %d of an invented history\n\nSome text that says why the change was made.\nMore of it.\n\n"+
			"Reviewed-by: Reviewer %d <r%d@example.org>\nSigned-off-by: Author %d <a%d@example.org>\n", i, i%17, i%17, i%31, i%31)
		fmt.Fprintf(&in, "commit refs/heads/main\nmark :%d\nauthor Author %d <a%d@example.org> %d +0200\ncommitter Committer %d <c%d@example.org> %d +0000\ndata %d\n%s",
			i, i%31, i%31, 1600000000+60*i, i%5, i%5, 1600000100+60*i, len(message), message)
		if i > 1 {
			fmt.Fprintf(&in, "from :%d\n", i-1)
		}
		if i > 10 && i%5 == 0 {
			fmt.Fprintf(&in, "merge :%d\n", i-7)
		}
		in.WriteByte('\n')
	}
	gitIn(b, dir, in.Bytes(), "fast-import", "--quiet")
	gitIn(b, dir, nil, "repack", "-adfq", "--depth=50")
	return dir
}

// BenchmarkChanges reads 100,000 packed commits a turn; the aim is 25,000 commits/s.
func BenchmarkChanges(b *testing.B) {
	const n = 100_000
	dir := packedHistory(b, n)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		branch, err := r.Branch("main")
		if err != nil {
			b.Fatal(err)
		}
		read := 0
		for _, err := range r.Walk(branch, Query{}).Changes(context.Background()) {
			if err != nil {
				b.Fatal(err)
			}
			read++
		}
		if read != n {
			b.Fatalf("read %d commits", read)
		}
		if err := r.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "commits/s")
}
