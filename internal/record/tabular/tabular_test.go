package tabular_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// listing has a list of texts.
var listing = &record.Kind{
	Name: "listing", Register: "listings", Title: "Listings", IDField: "id",
	New: func() any { return &listed{} }, Identify: func(doc any) string { return record.As[listed](doc).ID },
}

type listed struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Regulations []string `json:"regulations"`
}

// owned has fields that name records of one register each.
type owned struct {
	ID     string   `json:"id"`
	Owner  string   `json:"owner"`
	Risks  []string `json:"risks"`
	Ticket string   `json:"ticket"`
}

var owneds = record.Define[owned](record.Definition{
	Kind: "owned", Register: "owneds", Title: "Owned",
	Fields: []record.Field{{Name: "owner", Label: "Owner", Refers: "person"}, {Name: "risks", Label: "Risks", Refers: "risk"}, {Name: "ticket", Label: "Ticket"}},
})

// A number alone is that of a record of the register that the field names.
func TestATableTakesNumbersAlone(t *testing.T) {
	got, err := read(t, "id,owner,risks,ticket\no1,E1,RSK-1;risk/RSK-2,T-1\no2,account/ann,,\no3,Omar Example,,\n", owneds, tabular.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{
		`{"id":"o1","owner":"person/E1","risks":["risk/RSK-1","risk/RSK-2"],"ticket":"T-1"}`,
		`{"id":"o2","owner":"account/ann","risks":null,"ticket":""}`,
		`file.csv:4: owner: "Omar Example" does not name a record: write it as person/id; forms and tables take its number alone, and forms its name`,
	}; !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

// A text in Markdown that was copied out of a file has the byte order mark of an editor:
// it is no part of it.
func TestACellHasNoByteOrderMark(t *testing.T) {
	kind := record.Define[listed](record.Definition{Kind: "page", Register: "pages", Title: "Pages", Fields: []record.Field{{Name: "title", Label: "Title", Markdown: true}}})
	got, err := read(t, "id,title\np1,\ufeff# A\np2,\"\ufeff# B\n\ufeffC\"\n", kind, tabular.Options{})
	if want := []string{`{"id":"p1","title":"# A","regulations":null}`, `{"id":"p2","title":"# B\n` + "\ufeff" + `C","regulations":null}`}; err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
}

// read gives the documents of a file as JSON, or "where: reason" of a row that
// is refused.
func read(t testing.TB, text string, kind *record.Kind, o tabular.Options) ([]string, error) {
	t.Helper()
	table, err := tabular.Open("file.csv", strings.NewReader(text), kind, o)
	if err != nil {
		return nil, err
	}
	got := []string{}
	for item, err := range table.Items() {
		if err != nil {
			return nil, err
		}
		if err := errors.Join(item.Err, item.Short); err != nil {
			got = append(got, item.Where+": "+err.Error())
			continue
		}
		doc, err := json.Marshal(item.Doc)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(doc))
	}
	if int64(len(got)) != table.Rows {
		t.Fatalf("the first reading counted %d rows, the second %d", table.Rows, len(got))
	}
	return got, nil
}

func TestRowsBecomeDocuments(t *testing.T) {
	const ada = `{"id":"E1","name":"Ada","employment":"employee","state":"active"}`
	for name, tc := range map[string]struct {
		text string
		kind *record.Kind
		o    tabular.Options
		want []string
	}{
		"plain":                   {text: "id,name\nE1,Ada\n", want: []string{ada}},
		"no line feed at the end": {text: "id,name\nE1,Ada", want: []string{ada}},
		"byte order mark, CRLF":   {text: "\xEF\xBB\xBFid,name\r\nE1,Ada\r\n", want: []string{ada}},
		"names are alike":         {text: "ID, Na-Me ,JOINED AT\nE1,Ada,\n", want: []string{ada}},
		"spaces around":           {text: "id,name\n E1 ,  Ada\n", want: []string{ada}},
		"empty lines":             {text: "\nid,name\n\nE1,Ada\n\n", want: []string{ada}},
		"semicolon":               {text: "id;name\nE1;Ada\n", o: tabular.Options{Delimiter: ';'}, want: []string{ada}},
		"tab":                     {text: "id\tname\nE1\tAda\n", o: tabular.Options{Delimiter: '\t'}, want: []string{ada}},
		"mapped and ignored": {
			text: "No,Full name,Salary\nE1,Ada,1\n",
			o:    tabular.Options{Columns: map[string]string{"id": "No", "name": "Full name"}, Ignored: []string{"Salary"}},
			want: []string{ada},
		},
		"one column, two fields": {
			text: "name,mail\nAda,a@example.org\n",
			o:    tabular.Options{Columns: map[string]string{"id": "mail", "email": "mail"}},
			want: []string{`{"id":"a@example.org","name":"Ada","email":"a@example.org","employment":"employee","state":"active"}`},
		},
		"quoted": {
			text: "id,name,title\nE1,\"Ada, \"\"the\"\"\nCountess\",=1+1\n",
			want: []string{`{"id":"E1","name":"Ada, \"the\"\nCountess","employment":"employee","state":"active","title":"=1+1"}`},
		},
		"a date is midnight there": {
			text: "id,name,joined_at,left_at\nE1,Ada,2026-07-01,2026-07-02T01:00:00+02:00\n",
			o:    tabular.Options{Zone: berlin},
			want: []string{`{"id":"E1","name":"Ada","employment":"employee","state":"active","joined_at":"2026-06-30T22:00:00Z","left_at":"2026-07-02T01:00:00+02:00"}`},
		},
		"objects and JSON": {
			text: "id,title,author.name,Author Email,merged_at,merge,reviewers\nc1,Fix,Ada,a@example.org,2026-01-02,true,\"[{\"\"name\"\":\"\"Ben\"\"}]\"\n",
			kind: changes.Register,
			want: []string{`{"id":"c1","title":"Fix","author":{"name":"Ada","email":"a@example.org"},"committer":{},"reviewers":[{"name":"Ben"}],"merged_at":"2026-01-02T00:00:00Z","merge":true,"asserted":false,"state":"merged"}`},
		},
		"refused alone": {
			text: "id,name,email,joined_at\nE1,Ada,,\nE2,,nobody,tomorrow\n,X,,\nE3,Cyd\n",
			want: []string{
				ada,
				`file.csv:3: joined_at: "tomorrow" is no date such as 2026-01-31, nor a time such as 2026-01-31T09:30:00Z; name: is missing; email: "nobody" is no e-mail address`,
				`file.csv:4: id: is missing`,
				`file.csv:5: the row has 2 cells, the header 4`,
			},
		},
		"every wrong field is named": {
			text: "id,name,email\nE2,,nobody\n",
			want: []string{`file.csv:2: name: is missing; email: "nobody" is no e-mail address`},
		},
		"lists": {
			text: "id,title,regulations\nR1,A,\"one; two ;\"\nR2,B,\"one\n two; three\"\nR3,C,\"[\"\"one; two\"\"]\"\nR4,D,one\nR5,E,[one\n", kind: listing,
			want: []string{
				`{"id":"R1","title":"A","regulations":["one","two"]}`,
				`{"id":"R2","title":"B","regulations":["one","two; three"]}`,
				`{"id":"R3","title":"C","regulations":["one; two"]}`,
				`{"id":"R4","title":"D","regulations":["one"]}`,
				`file.csv:7: regulations: "[one" cannot be read: write it as JSON, like ["A","B"]`,
			},
		},
		"as people call it": {
			text: "NUMBER,What it is,review due,Quarter,Mood of it,mood.words\n1,A,2026-07-01,2026-03-31,Bad,\n", kind: sheets, o: tabular.Options{Zone: berlin, Ignored: []string{"mood.words"}},
			want: []string{`{"id":"1","title":"A","mood":"bad","count":0,"share":0,"lines":null,"open":false,"day":"2026-06-30T22:00:00Z","quarter":"2026-03-31T00:00:00Z"}`},
		},
		"a name is nobody else's label": {
			text: "id,title,day\n1,A,2026-07-01\n", kind: sheets,
			want: []string{`{"id":"1","title":"A","count":0,"share":0,"lines":null,"open":false,"day":"2026-07-01T00:00:00Z"}`},
		},
		"value of another type": {
			text: "id,title,author.name,merged_at,merge\nc1,Fix,Ada,2026-01-02,yes\n", kind: changes.Register,
			want: []string{`file.csv:2: merge: "yes" is not true or false; author: is missing: write {"name": ..., "email": ...}`},
		},
		"an id twice": {
			text: "id,name\nE1,Ada\nE1,Ada\nE1,Eve\n",
			want: []string{ada, ada, `file.csv:4: id: "E1" is in line 2 already, with other content`},
		},
		"lines after a quoted line feed": {
			text: "id,name\n\"E\n1\",Ada\nE 2,Ben\n",
			want: []string{
				`file.csv:2: id: must have 1 to 200 characters, no space and no slash: it is the number in the HR system`,
				`file.csv:4: id: must have 1 to 200 characters, no space and no slash: it is the number in the HR system`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.kind == nil {
				tc.kind = people.Register
			}
			got, err := read(t, tc.text, tc.kind, tc.o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAFileOfTheWrongFormIsRefusedWhole(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		o    tabular.Options
		want string
	}{
		"empty":            {text: "", want: "file.csv:1: the file is empty"},
		"only a mark":      {text: "\xEF\xBB\xBF", want: "file.csv:1: the file is empty"},
		"unknown column":   {text: "id,name,Salary,Shoe\n", want: `file.csv:1: the columns do not fit: no field of people is like the column "Salary", "Shoe": call it as the field that it feeds`},
		"column twice":     {text: "id,name,name\n", want: `file.csv:1: the column "name" is there twice`},
		"label and name":   {text: "id,name,Number\n", want: `file.csv:1: the field id is fed by two columns`},
		"field twice":      {text: "id,name,Name\n", want: `file.csv:1: the field name is fed by two columns`},
		"no id":            {text: "name\nAda\n", want: `file.csv:1: the columns do not fit: no column says which record a row is of`},
		"mapped field":     {text: "id,name\n", o: tabular.Options{Columns: map[string]string{"nme": "name"}}, want: `file.csv:1: "nme" is no field of people: access_ended_at,`},
		"mapped column":    {text: "id,name\n", o: tabular.Options{Columns: map[string]string{"name": "Nme"}}, want: `file.csv:1: there is no column "Nme": the columns are "id", "name"`},
		"ignored column":   {text: "id,name\n", o: tabular.Options{Ignored: []string{"Nme"}}, want: `file.csv:1: there is no column "Nme"`},
		"open quote":       {text: "id,name\nE1,\"Ada\nE2,Ben\n", want: "file.csv:2: byte"},
		"bare quote":       {text: "id,name\nE1,A\"da\n", want: "file.csv:2: byte 5: a quotation mark in a cell that is not quoted"},
		"not UTF-8":        {text: "id,name\nE1,Ada\nE2,J\xfcrgen\n", want: "file.csv:3: the text is not UTF-8"},
		"header not UTF-8": {text: "id,n\xffme\nE1,Ada\n", want: "file.csv:1: the text is not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, tc.text, people.Register, tc.o)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, %v; want %s", got, err, tc.want)
			}
		})
	}
}

func FuzzRows(f *testing.F) {
	for _, seed := range []string{
		"id,name\nE1,Ada\n", "\xEF\xBB\xBFid;name\r\nE1;\"A\"\"d\r\na\"\r\n", "id,name,joined_at\nE1,Ada,2026-01-01\nE1,Ada,x\n",
		"id,name\nE1\n", "id,name\n\"E1", "id,name\nE1,a\"b\n", "id\n\n\n,\n", "id,name,state,left_at\nE9,Zoe,left,2026-02-03T04:05:06.789+02:00\n",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, text []byte, semicolon bool) {
		o := tabular.Options{Delimiter: ','}
		if semicolon {
			o.Delimiter = ';'
		}
		table, err := tabular.Open("f.csv", bytes.NewReader(text), people.Register, o)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("more than one line: %q", err)
			}
			return
		}
		holdsItems(t, table)
	})
}

// holdsItems reads a file whose first reading found nothing wrong: what it
// takes is valid, and no id has two contents.
func holdsItems(t *testing.T, table *tabular.Table) {
	t.Helper()
	var rows int64
	ids := map[string]string{}
	for item, err := range table.Items() {
		if err != nil {
			t.Fatalf("the first reading found nothing wrong: %v", err)
		}
		rows++
		if item.Err != nil || item.Short != nil {
			continue
		}
		doc, err := record.Canonical(item.Doc)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := people.Register.Decode(doc); err != nil {
			t.Fatalf("%s: what was taken is not valid: %v", item.Where, err)
		}
		id := people.Register.Identify(item.Doc)
		if before, twice := ids[id]; twice && before != string(doc) {
			t.Fatalf("%s: %q was taken with two contents", item.Where, id)
		}
		ids[id] = string(doc)
	}
	if rows != table.Rows {
		t.Fatalf("counted %d rows, read %d", table.Rows, rows)
	}
}

func take(t rapid.TB, l *ledgertest.Ledger, text string, update bool) *record.Summary {
	t.Helper()
	table, err := tabular.Open("file.csv", strings.NewReader(text), people.Register, tabular.Options{})
	if err != nil {
		t.Fatal(err)
	}
	intake := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: people.Register, Action: "import.csv", Update: update}
	summary, err := intake.Run(context.Background(), table.Items())
	if err != nil {
		t.Fatal(err)
	}
	if summary.Read != table.Rows || summary.Read != summary.Taken+summary.Updated+summary.Skipped+summary.Refused {
		t.Fatalf("of %d rows: %+v", table.Rows, summary)
	}
	return summary
}

// write writes rows as a CSV file with a header.
func write(rows [][]string) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.WriteAll(append([][]string{{"id", "name", "joined_at"}}, rows...)) // into memory
	return b.String()
}

func TestImportingTwiceIsImportingOnceAndHalvesAreTheWhole(t *testing.T) {
	whole, halves := ledgertest.New(t, storetest.SQLite(t), kinds...), ledgertest.New(t, storetest.SQLite(t), kinds...)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		row := rapid.Custom(func(rt *rapid.T) []string {
			return []string{
				fmt.Sprintf("R%d-%d", round, rapid.IntRange(0, 30).Draw(rt, "id")),
				rapid.StringMatching(`[A-Z][a-z,"\n ]{0,5}[a-z]`).Draw(rt, "name"),
				rapid.SampledFrom([]string{"", "2026-01-01", "2026-01-01T00:00:00Z", "2026-05-05T05:05:05.5Z", "never"}).Draw(rt, "joined"),
			}
		})
		rows := rapid.SliceOfNDistinct(row, 0, 20, func(r []string) string { return r[0] }).Draw(rt, "rows")
		at := rapid.IntRange(0, len(rows)).Draw(rt, "at")
		once := take(rt, whole, write(rows), false)
		size := len(whole.Population(t, "person"))
		again := take(rt, whole, write(rows), true)
		if again.Taken != 0 || again.Updated != 0 || again.Skipped != once.Taken || again.Differing != 0 || again.Refused != once.Refused {
			rt.Fatalf("first %+v, again %+v", once, again)
		}
		take(rt, halves, write(rows[:at]), false)
		take(rt, halves, write(rows[at:]), false)
		got := halves.Population(t, "person")
		want := whole.Population(t, "person")
		if len(want) != size || !cmp.Equal(want, got) {
			rt.Fatalf("the halves differ from the whole: %s", cmp.Diff(want, got))
		}
	})
	whole.Verify(t, record.Kinds{people.Register})
	halves.Verify(t, record.Kinds{people.Register})
	if got := len(whole.Events(t, "scaf.person.imported.v1")); got != len(whole.Population(t, "person")) {
		t.Errorf("%d events for %d people", got, len(whole.Population(t, "person")))
	}
}

func TestAnUpdateChangesWhatARowSpeaksOf(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		take(t, l, "id,name,title,joined_at\nE1,Ada,Engineer,2026-01-01\nE2,Ben,,2026-01-02\nE3,Cyd,,\n", false)
		changed := "id,name,title,state,left_at\nE1,Ada,,on_leave,\nE2,Benedict,,left,2026-05-01\nE3,Cyd,,left,\nE4,Dee,,,\n"

		kept := take(t, l, changed, false)
		if kept.Taken != 1 || kept.Updated != 0 || kept.Skipped != 2 || kept.Differing != 2 || kept.Refused != 1 || !strings.Contains(kept.Reasons[0].Reason, "left_at: is missing") {
			t.Errorf("without --update: %+v", kept)
		}
		updated := take(t, l, changed, true)
		if updated.Taken != 0 || updated.Updated != 2 || updated.Skipped != 1 || updated.Refused != 1 {
			t.Errorf("with --update: %+v", updated)
		}
		want := []string{
			`{"employment":"employee","id":"E3","listed_at":"2026-03-02T09:00:00Z","name":"Cyd","state":"active"}`,
			`{"employment":"employee","id":"E4","listed_at":"2026-03-02T09:00:00Z","name":"Dee","state":"active"}`,
			`{"employment":"employee","id":"E1","joined_at":"2026-01-01T00:00:00Z","listed_at":"2026-03-02T09:00:00Z","name":"Ada","state":"on_leave","title":"Engineer"}`,
			`{"employment":"employee","id":"E2","joined_at":"2026-01-02T00:00:00Z","left_at":"2026-05-01T00:00:00Z","listed_at":"2026-03-02T09:00:00Z","name":"Benedict","state":"left"}`,
		}
		if diff := cmp.Diff(want, l.Population(t, "person")); diff != "" {
			t.Error(diff)
		}
		// From left nobody goes on leave: the lifecycle holds for imports too.
		refused := take(t, l, "id,name,state\nE2,Benedict,on_leave\n", true)
		if refused.Refused != 1 || !strings.Contains(refused.Reasons[0].Reason, `from "left"`) {
			t.Errorf("against the lifecycle: %+v", refused)
		}
		l.Verify(t, record.Kinds{people.Register})
	})
}

// What is wrong with the headings of a table is told in a sentence, however many there are.
func TestOfManyColumnsTheFirstOnesAreNamed(t *testing.T) {
	header := "id"
	for i := range 5000 {
		header += fmt.Sprintf(",Zzz%04d %s", i, strings.Repeat("ä", 100))
	}
	_, err := tabular.Open("file.csv", strings.NewReader(header+"\n"), people.Register, tabular.Options{})
	if err == nil || len(err.Error()) > 8000 || !strings.Contains(err.Error(), `"Zzz0000 `+strings.Repeat("ä", 52)+`…", "Zzz0001`) || !strings.Contains(err.Error(), " and 4980 more: call it") {
		t.Errorf("%v", err)
	}
}

// A table may speak of one column only: of records that are there the others stay, and a new
// record needs what its register wants.
func TestATableOfOneColumnChangesWhatIsThere(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		take(t, l, "id,name,department\nE1,Ada,Sales\nE2,Ben,Sales\n", false)
		const text = "id,title\nE1,Engineer\nE9,Nobody\n"
		table, err := tabular.Open("file.csv", strings.NewReader(text), people.Register, tabular.Options{})
		must(t, err)
		var seen []string
		_, err = record.Intake{Kind: people.Register, Update: true}.Preview(t.Context(), l.DB, l.Clock.Now(), table.Items(), func(one record.Preview) error {
			seen = append(seen, fmt.Sprintf("%s %s %d %s", one.Ref, one.Outcome, len(one.Fields), one.Wrong))
			return nil
		})
		must(t, err)
		if diff := cmp.Diff([]string{"person/E1 changed 1 ", "person/E9 refused 0 name: is missing"}, seen); diff != "" {
			t.Error(diff)
		}
		if kept := take(t, l, text, false); kept.Skipped != 1 || kept.Differing != 1 || kept.Refused != 1 {
			t.Errorf("without --update: %+v", kept)
		}
		done := take(t, l, text, true)
		if done.Updated != 1 || done.Taken != 0 || done.Refused != 1 || done.Reasons[0].Reason != "name: is missing" {
			t.Errorf("%+v", done)
		}
		want := []string{
			`{"department":"Sales","employment":"employee","id":"E1","listed_at":"2026-03-02T09:00:00Z","name":"Ada","state":"active","title":"Engineer"}`,
			`{"department":"Sales","employment":"employee","id":"E2","listed_at":"2026-03-02T09:00:00Z","name":"Ben","state":"active"}`,
		}
		if diff := cmp.Diff(want, l.Population(t, "person")); diff != "" {
			t.Error(diff)
		}
		if again := take(t, l, text, true); again.Updated != 0 || again.Skipped != 1 || again.Refused != 1 {
			t.Errorf("again: %+v", again)
		}
	})
}

func TestTheSameRowTwiceIsOneRecord(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	for _, update := range []bool{false, true} {
		got := take(t, l, fmt.Sprintf("id,name\nE%[1]t,Ada\nE%[1]t,Ada\n", update), update)
		if got.Taken != 1 || got.Skipped != 1 || got.Differing != 0 {
			t.Errorf("update %t: %+v", update, got)
		}
	}
}

func TestADocumentThatIsTooLargeForTheLedgerIsRefusedAlone(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	text := "id,title,author.name,merged_at,note\nc1,Fix,Ada,2026-01-01," + strings.Repeat("x", 70_000) + "\nc2,Fix,Ada,2026-01-01," + strings.Repeat("x", 59_000) + "\n"
	table, err := tabular.Open("file.csv", strings.NewReader(text), changes.Register, tabular.Options{})
	if err != nil {
		t.Fatal(err)
	}
	summary, err := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: changes.Register, Action: "import.csv"}.Run(context.Background(), table.Items())
	if err != nil || summary.Taken != 1 || summary.Refused != 1 || !strings.Contains(summary.Reasons[0].Reason, "at most 60000") {
		t.Errorf("%+v, %v", summary, err)
	}
}

func TestAnImportThatEndsEarlyKeepsWhatItTook(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	broken := errors.New("the disk is gone")
	items := func(yield func(record.Item, error) bool) {
		for i := range 1500 {
			id := fmt.Sprintf("E%d", i)
			if !yield(record.Item{Where: id, Doc: &people.Person{ID: id, Name: "N", Employment: people.Employee, State: people.Active}}, nil) {
				return
			}
		}
		yield(record.Item{}, broken)
	}
	intake := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: people.Register, Action: "import.csv"}
	summary, err := intake.Run(context.Background(), items)
	if !errors.Is(err, broken) || summary.Taken != 1500 {
		t.Fatalf("%+v, %v", summary, err)
	}
	if got := len(l.Population(t, "person")); got != 1500 {
		t.Errorf("%d people", got)
	}
	ctx, stop := context.WithCancel(context.Background())
	intake.Progress = func(int64) { stop() }
	if _, err := intake.Run(ctx, items); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}
