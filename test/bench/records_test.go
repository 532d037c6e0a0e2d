//go:build bench

package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const (
	pageTime = 100 * time.Millisecond
	pageSize = 50
)

// list is one way of listing the register, and the same on a plain table.
type list struct {
	name, filter, sort, plain string
}

var lists = []list{
	{"by instant", "", "", "SELECT id, doc FROM plain ORDER BY joined, id"},
	{"filter, by name", `item.department == "Department 7"`, "name", "SELECT id, doc FROM plain WHERE department = 'Department 7' ORDER BY name, id"},
	{"filter, newest first", `item.department == "Department 7"`, "-joined_at", "SELECT id, doc FROM plain WHERE department = 'Department 7' ORDER BY joined DESC, id DESC"},
	{"two filters, by name", `item.department == "Department 7" && item.employment == "contractor"`, "name",
		"SELECT id, doc FROM plain WHERE department = 'Department 7' AND employment = 'contractor' ORDER BY name, id"},
	{"prefix, by name", `item.name.startsWith("Person 99")`, "name", "SELECT id, doc FROM plain WHERE name >= 'Person 99' AND name < 'Person 9:' ORDER BY name, id"},
	{"nothing matches", `item.department == "Department 7" && item.state == "left"`, "name", "SELECT id, doc FROM plain WHERE department = 'Department 7' AND state = 'left' ORDER BY name, id"},
}

// records measures lists of a register: a page that is filtered and sorted.
func records(b *bench) {
	size := pick(b, 5_000, 100_000)
	rounds := pick(b, 20, 200)
	b.say("A register of %s people. A page of %d, filtered and sorted, from the start of the list or from a place in the middle (a cursor), %d times each; the time is that of the list in this process, the database's work and the documents included. **Plain**: a table with a plain column and a plain index for the same list, the same documents, in the same kind of database, its first page.", count(size), pageSize, rounds)
	rows := [][]string{{"database", "list", "plain p50", "plain p95", "SCAF p50", "SCAF p95", "from the middle p95", "target"}}
	for _, database := range databases {
		f := b.folder(database)
		f.open(func(s *surface.System) { fillRegister(b, s, size) })
		f.settle()
		plain := plainPeople(b, database, size)
		f.open(func(s *surface.System) {
			for _, one := range lists {
				base := repeat(rounds, func() { plainPage(b, plain, one.plain) })
				firstPages := repeat(rounds, func() { page(b, s, one, "") })
				cursor := ""
				for range 20 { // into the list
					if next := page(b, s, one, cursor); next != "" {
						cursor = next
					}
				}
				deep := repeat(rounds, func() { page(b, s, one, cursor) })
				p95 := quantile(firstPages, 0.95)
				worst := max(p95, quantile(deep, 0.95))
				rows = append(rows, []string{database.name, one.name, ms(quantile(base, 0.5)), ms(quantile(base, 0.95)),
					ms(quantile(firstPages, 0.5)), ms(p95), ms(quantile(deep, 0.95)), met("p95 under 100 ms", worst < pageTime)})
			}
		})
	}
	b.table(rows...)
}

// repeat measures, sorted.
func repeat(rounds int, do func()) []time.Duration {
	do()
	took := make([]time.Duration, rounds)
	for i := range took {
		begin := time.Now()
		do()
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return took
}

func page(b *bench, s *surface.System, one list, cursor string) (next string) {
	if err := s.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		next, err = record.List(r, people.Register, record.Query{Filter: one.filter, Sort: one.sort, Limit: pageSize, After: cursor}, func(*record.Version) error { return nil })
		return err
	}); err != nil {
		b.Fatal(err)
	}
	return next
}

func plainPage(b *bench, db *store.DB, query string) {
	if err := db.Read(context.Background(), func(r *store.Reader) error {
		var id string
		var doc store.Raw
		return r.Each(fmt.Sprintf("%s LIMIT %d", query, pageSize+1), nil, []any{&id, &doc}, func() error { return nil })
	}); err != nil {
		b.Fatal(err)
	}
}

// person is the i-th one, in an order that is nobody's.
func person(i int) *people.Person {
	joined := yearBegin.Add(time.Duration(i) * time.Minute)
	p := &people.Person{
		ID: fmt.Sprintf("E%06d", i), Name: fmt.Sprintf("Person %d Example", i*7919%100_003), Email: fmt.Sprintf("person%d@example.org", i),
		Title: "Engineer", Department: fmt.Sprintf("Department %d", i%12), Employment: people.Employee, State: people.Active, JoinedAt: &joined,
	}
	if i%9 == 0 {
		p.Employment = people.Contractor
	}
	return p
}

func order(size int) []int {
	return rand.New(rand.NewPCG(1, 2)).Perm(size)
}

func fillRegister(b *bench, s *surface.System, size int) {
	for batch := range slices.Chunk(order(size), act.MaxBatch) {
		var changes []record.Change
		for _, i := range batch {
			p := person(i)
			changes = append(changes, record.Change{Verb: "added", ID: p.ID, Doc: p})
		}
		if _, err := s.Door.Do(context.Background(), ledgertest.Operator, "person.add", "people", func(tx *act.Tx) error {
			_, err := record.Put(tx, people.Register, changes...)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
}

// plainPeople is the baseline's table.
func plainPeople(b *bench, database database, size int) *store.DB {
	db, err := store.Open(context.Background(), database.fresh(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	text := "TEXT"
	if db.Dialect() == store.Postgres {
		text = `TEXT COLLATE "C"`
	}
	ledgertest.Write(b, db, func(tx *store.Tx) error {
		for _, statement := range []string{
			strings.ReplaceAll("CREATE TABLE plain (id @ PRIMARY KEY, joined BIGINT, name @, department @, employment @, state @, doc @)", "@", text),
			"CREATE INDEX plain_joined ON plain (joined, id)", "CREATE INDEX plain_name ON plain (name, id)",
			"CREATE INDEX plain_department_name ON plain (department, name, id)", "CREATE INDEX plain_department_joined ON plain (department, joined, id)",
		} {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		for batch := range slices.Chunk(order(size), act.MaxBatch) {
			var rows [][]any
			for _, i := range batch {
				p := person(i)
				doc, err := record.Canonical(p)
				if err != nil {
					return err
				}
				rows = append(rows, []any{p.ID, p.JoinedAt.UnixMicro(), p.Name, p.Department, p.Employment, p.State, string(doc)})
			}
			if err := tx.Insert("plain", []string{"id", "joined", "name", "department", "employment", "state", "doc"}, rows); err != nil {
				return err
			}
		}
		return nil
	})
	if db.Dialect() == store.Postgres {
		ledgertest.Write(b, db, func(tx *store.Tx) error { _, err := tx.Exec("ANALYZE plain"); return err })
	}
	return db
}
