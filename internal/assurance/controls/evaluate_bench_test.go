package controls_test

import (
	"fmt"
	"testing"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
)

// A change of about 500 bytes, as the git importer writes it.
const benchItem = `{"id":"1f0c4d0e2f8f4c5a9d3b7e6a5c4b3a2918273645","title":"Fix the parser so that a trailing comma is refused with its line number","author":{"name":"Ada Example","email":"ada@example.com"},"committer":{"name":"Bo Example","email":"bo@example.com"},"reviewers":[{"name":"Cy Example","email":"cy@example.com"},{"name":"Di Example","email":"di@example.com"}],"authored_at":"2026-03-01T10:11:12Z","merged_at":"2026-03-02T10:11:12Z","merge":false,"repository":"git@example.com:scaf/scaf.git"}`

// benchTest compiles a census over changes with the given population lines and
// predicate.
func benchTest(tb testing.TB, population, pass string) *controls.Test {
	tb.Helper()
	file := fmt.Sprintf("id: C-1\ntitle: T\ncriteria: [CC8.1]\nowner: o\nfrequency: ad_hoc\ntests:\n  - id: t\n    kind: census\n    title: t\n    population: {%s}\n    pass: %q\n", population, pass)
	c, err := controls.Parse("c.yaml", []byte(file), controls.Builtin(app.Kinds))
	if err != nil {
		tb.Fatal(err)
	}
	return c.Tests[0]
}

func BenchmarkEvaluator(b *testing.B) {
	for _, bench := range []struct{ name, population, pass string }{
		{"dynamic/simple", "from: items, at: item.merged_at", `item.author.email != item.committer.email`},
		{"dynamic/size", "from: items, at: item.merged_at", `size(item.reviewers) > 0`},
		{"dynamic/times", "from: items, at: item.merged_at", `timestamp(item.merged_at) <= timestamp(item.authored_at) + duration("48h")`},
		{"dynamic/exists", "from: items, at: item.merged_at", `item.reviewers.exists(r, r.email != item.author.email)`},
		{"schema/simple", "from: changes", `item.author.email != item.committer.email`},
		{"schema/times", "from: changes", `item.merged_at <= item.authored_at + duration("48h")`},
		{"schema/exists", "from: changes", `item.reviewers.exists(r, r.email != item.author.email)`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			e := benchTest(b, bench.population, bench.pass).Evaluator()
			item := []byte(benchItem)
			b.ReportAllocs()
			for b.Loop() {
				if err := e.Read(item); err != nil {
					b.Fatal(err)
				}
				if _, err := e.ID(); err != nil {
					b.Fatal(err)
				}
				if _, err := e.At(); err != nil {
					b.Fatal(err)
				}
				if ok, err := e.Pass(); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
