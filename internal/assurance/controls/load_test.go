package controls_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/record"
)

var update = flag.Bool("update", false, "write what is found into testdata")

// One file in testdata/rules is one rule: a control file that keeps it, one
// that breaks it, and exactly what is said about that.
func TestRulesOfControlFiles(t *testing.T) {
	// Not of all registers: what is said of an unknown one names those that there are.
	builtin := controls.Builtin(record.Kinds{changes.Register, people.Register, tasks.Register})
	names, err := filepath.Glob("testdata/rules/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]*txtar.File{}
			for i := range archive.Files {
				files[archive.Files[i].Name] = &archive.Files[i]
			}
			if _, err := controls.Parse("good.yaml", files["good.yaml"].Data, builtin); err != nil {
				t.Errorf("the good file is refused:\n%v", err)
			}
			_, err = controls.Parse("bad.yaml", files["bad.yaml"].Data, builtin)
			var list controls.Errors
			if !errors.As(err, &list) {
				t.Fatalf("the bad file gives %v, want controls.Errors", err)
			}
			if got, want := err.Error()+"\n", string(files["want"].Data); got != want {
				if *update {
					files["want"].Data = []byte(got)
					if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				t.Errorf("errors differ (-want +got):\n%s", cmp.Diff(want, got))
			}
		})
	}
}

const minimal = `id: %ID%
title: T
criteria: CC1.1
owner: o
frequency: annual
tests:
  - {id: t, kind: census, title: t, population: {from: items}, pass: "true"}
`

func file(id string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(strings.ReplaceAll(minimal, "%ID%", id))}
}

func TestLoadFSReadsEveryFileAndSortsByID(t *testing.T) {
	loaded, err := controls.LoadFS(fstest.MapFS{
		"b.yaml": file("B-1"), "sub/a.yml": file("A-1"), "README.md": {Data: []byte("no control")},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range loaded {
		ids = append(ids, c.ID+" "+c.File)
	}
	if want := []string{"A-1 sub/a.yml", "B-1 b.yaml"}; !slices.Equal(ids, want) {
		t.Errorf("loaded %v, want %v", ids, want)
	}
}

func TestLoadFSReportsTheErrorsOfAllFiles(t *testing.T) {
	_, err := controls.LoadFS(fstest.MapFS{
		"1.yaml": file("A-1"), "2.yaml": file("A-1"), "3.yaml": file("not an id"),
	}, nil)
	want := `2.yaml:1: control id "A-1" is already taken by 1.yaml
3.yaml:1: id "not an id" is not an id: letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64`
	if err == nil || err.Error() != want {
		t.Errorf("LoadFS says\n%v\nwant\n%s", err, want)
	}
}

func TestOverrideReplacesByIDAndAdds(t *testing.T) {
	base, err := controls.LoadFS(fstest.MapFS{"1.yaml": file("A-1"), "2.yaml": file("B-1")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	own, err := controls.LoadFS(fstest.MapFS{"own.yaml": file("B-1"), "new.yaml": file("C-1")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range controls.Override(base, own) {
		got = append(got, c.ID+" "+c.File)
	}
	if want := []string{"A-1 1.yaml", "B-1 own.yaml", "C-1 new.yaml"}; !slices.Equal(got, want) {
		t.Errorf("Override gives %v, want %v", got, want)
	}
}

func FuzzParse(f *testing.F) {
	names, _ := filepath.Glob("testdata/rules/*.txtar")
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
		f.Add(archive.Files[1].Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := controls.Parse("f.yaml", data, controls.Builtin(app.Kinds))
		if err == nil {
			for _, test := range c.Tests {
				e := test.Evaluator()
				if e.Read([]byte(benchItem)) != nil {
					t.Fatal("a good item was refused")
				}
				e.ID()
				e.In()
				e.At()
				e.Pass()
			}
			return
		}
		var list controls.Errors
		if !errors.As(err, &list) || len(list) == 0 {
			t.Fatalf("error %v is not Errors", err)
		}
		lines := 1 + strings.Count(string(data), "\n")
		for i, one := range list {
			if one.Line < 1 || one.Line > lines+1 {
				t.Fatalf("error %v is on line %d of %d", one, one.Line, lines)
			}
			if i > 0 && one.Line < list[i-1].Line {
				t.Fatalf("errors are not sorted: %v", list)
			}
			if strings.ContainsAny(one.Text, "\n\r") {
				t.Fatalf("error of more than one line: %q", one.Text)
			}
		}
	})
}
