package portal_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/trust/accounts/accountstest"
)

// Very many sign-ins at once, of accounts that there are not, keep nobody waiting for all of
// them: whoever is too many is told so at once, and keeps the name that they typed.
func TestTooManySignInsAtOnce(t *testing.T) {
	s := serve(t, config.Config{})
	s.signed(t, "ann", "compliance")
	accountstest.Full(t) // cheap ones would be compared before others came
	var mu sync.Mutex
	answers := map[int]int{}
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			answer, err := http.PostForm(s.url+"/signin", url.Values{"id": {"nobody"}, "password": {"not the password at all"}})
			if err != nil {
				t.Error(err)
				return
			}
			body, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			if busy := answer.StatusCode == http.StatusServiceUnavailable; err != nil || !strings.Contains(string(body), `value="nobody"`) || strings.Contains(string(body), "Many people sign in at this moment") != busy {
				t.Errorf("%d (%v): %.2000s", answer.StatusCode, err, body)
			}
			answers[answer.StatusCode]++
		})
	}
	all.Wait()
	if answers[http.StatusUnauthorized] < 40 || answers[http.StatusServiceUnavailable] == 0 || len(answers) != 2 {
		t.Errorf("answers: %v", answers)
	}
	b := s.browser(t)
	b.post("/signin", "id", "ann", "password", password).goes(t, "/")
	if got := b.get("/"); strings.Contains(got.body, "try again in a few seconds") {
		t.Error("it is still busy")
	}
}
