package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// indexes are those of the events that a page lists.
func (p page) indexes() (all []string) {
	for _, found := range regexp.MustCompile(`<th scope="row"><a href="/ledger/(\d+)">`).FindAllStringSubmatch(p.body, -1) {
		all = append(all, found[1])
	}
	return all
}

func TestTheLedgerIsExplored(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "auditor")
	b.get("/ledger?type=scaf.person.*").want(t, http.StatusOK, "scaf.person.added.v1", `href="/ledger?subject=person%2fE2"`)
	followed := b.get("/ledger?subject=person/E2").want(t, http.StatusOK, "scaf.person.added.v1", "scaf.person.moved.v1")
	if got := followed.indexes(); len(got) != 2 {
		t.Errorf("events of a person: %v", got)
	}
	if strings.Index(followed.body, "moved.v1</a>") > strings.Index(followed.body, "added.v1</a>") {
		t.Error("the newest is not the first")
	}
	b.get("/ledger?actor=person/E1").want(t, http.StatusOK, "scaf.performance.done.v1")
	b.get("/ledger?type=scaf.performance.done.v1&since=2026-02-01").want(t, http.StatusOK, "No event is like that")
	b.get("/ledger?type=scaf.performance.done.v1&since=2026-01-30&until=2026-01-31").want(t, http.StatusOK, "performance/access-review@2026-01-31")
	b.get("/ledger?outcome=denied").want(t, http.StatusOK, "No event is like that")
	c.signed(t, "eve", "employee").get("/ledger").want(t, http.StatusForbidden)
	b.get("/ledger?outcome=denied").want(t, http.StatusOK, "denied", "account/eve")
	b.get("/ledger?since=x").want(t, http.StatusUnprocessableEntity, "since:", `value="x"`)
	b.get("/ledger?before=x").want(t, http.StatusUnprocessableEntity, "is no index")
	for _, path := range []string{"/ledger/x", "/ledger/-1", "/ledger/1000000"} {
		b.get(path).want(t, http.StatusNotFound)
	}
}

// Whoever follows a record is led to what hangs on it, or did: its events have other subjects.
func TestWhoFollowsARecordFindsWhatHangsOnIt(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "auditor")
	if page := b.get("/ledger?subject=person/E2"); strings.Contains(page.body, "hangs on it") {
		t.Error("nothing hangs on it yet")
	}
	comment, err := c.CommentRecord(t.Context(), apptest.Operator, people.Register, "E2", "Asked for a new laptop.")
	c.must(err)
	_, err = c.TagRecord(t.Context(), apptest.Operator, people.Register, "E2", []string{"remote"}, nil)
	c.must(err)
	file, err := c.AttachFile(t.Context(), apptest.Operator, people.Register, "E2", "letter.txt", "", strings.NewReader("A letter."))
	c.must(err)
	_, err = c.LinkRecord(t.Context(), apptest.Operator, people.Register, "E1", "relates_to", "person/E2")
	c.must(err)
	page := b.get("/ledger?subject=person/E2").want(t, http.StatusOK, "What hangs on it")
	for _, ref := range []string{"comment/" + comment.ID, "tagging/person/E2", "attachment/" + file.ID, "link/person/E1~relates_to~person/E2"} {
		if !strings.Contains(page.body, ">"+ref+"</a>") {
			t.Errorf("the page does not lead to %s", ref)
		}
		if events := b.get("/ledger?subject=" + url.QueryEscape(ref)).indexes(); len(events) != 1 {
			t.Errorf("%s has the events %q", ref, events)
		}
	}
}

// Pages of events follow each other without a hole, in which way ever they end.
func TestTheLedgerIsReadToItsEnd(t *testing.T) {
	s := serve(t, config.Config{})
	s.signed(t, "eve", "employee").get("/ledger") // which is denied
	var documents [][]byte
	for i := range 2200 {
		documents = append(documents, ledgertest.Event(fmt.Sprint("e", i), nil))
	}
	for len(documents) > 0 {
		s.Append(t, documents[:550]...)
		documents = documents[550:]
	}
	b := s.signed(t, "ann", "auditor")
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	walk := func(path string) (indexes []string, pages int) {
		for pages < 100 {
			page := b.get(path).want(t, http.StatusOK)
			indexes, pages = append(indexes, page.indexes()...), pages+1
			found := next.FindStringSubmatch(page.body)
			if found == nil {
				break
			}
			path = strings.ReplaceAll(found[1], "&amp;", "&")
		}
		return indexes, pages
	}
	all, _ := walk("/ledger")
	for i, index := range all {
		if want := fmt.Sprint(len(all) - 1 - i); index != want {
			t.Fatalf("event %s where %s belongs", index, want)
		}
	}
	if len(all) < 2200 || all[len(all)-1] != "0" {
		t.Errorf("%d events", len(all))
	}
	denied, pages := walk("/ledger?outcome=denied")
	if len(denied) != 1 || pages != 2 {
		t.Errorf("denied: %v on %d pages", denied, pages)
	}
	b.get("/ledger?outcome=denied").want(t, http.StatusOK, "None of the events that were looked at", "have not been looked at")
}

func TestAnEventIsShownWithItsProof(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "auditor")
	first := b.get("/ledger/0").want(t, http.StatusOK, "The proof holds", "As it is stored", "&#34;specversion&#34;: &#34;1.0&#34;", "scaf ledger check-proof", `href="/v1/events/0/proof"`, `<g class="root">`, `<g class="leaf">`)
	if strings.Contains(first.body, `rel="prev"`) {
		t.Error("there is an event before the first")
	}
	b.get("/v1/events/0/proof").want(t, http.StatusOK, `"inclusion_proof"`)
	b.get("/v1/ledger/key").want(t, http.StatusOK)
	// A changed hash of the tree is found, and said.
	var documents [][]byte
	for i := range 300 {
		documents = append(documents, ledgertest.Event(fmt.Sprint("e", i), nil))
	}
	s.Append(t, documents...)
	b.get("/ledger/100").want(t, http.StatusOK, "The proof holds")
	s.Behind(t, func(tx *store.Tx) error {
		return ledgertest.Edit(tx, 100, func(bundle []byte) error { bundle[len(bundle)/2] ^= 1; return nil })
	})
	for i := range 256 {
		if page := b.get(fmt.Sprint("/ledger/", i)); strings.Contains(page.body, "The proof does not hold") {
			page.want(t, http.StatusOK, "scaf ledger verify")
			return
		}
	}
	t.Error("every proof holds over changed bytes")
}
