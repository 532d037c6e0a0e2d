package hris_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/platform/outbound"
	"scaf.dev/scaf/internal/record"
)

func TestTheRegistersAreWellDefined(t *testing.T) {
	for _, kind := range (record.Kinds{hris.Deliveries, hris.Reconciliations}) {
		if err := kind.Wrong(); err != nil {
			t.Error(err)
		}
	}
}

var read = time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)

func answer(person, version, text string, before time.Duration) hris.Answer {
	return hris.Answer{Person: person, Version: version, SHA256: text, AnsweredAt: read.Add(-before)}
}

func TestEveryDifferenceIsNamed(t *testing.T) {
	const day = 24 * time.Hour
	here := []hris.Answer{
		answer("E1", "PV-1", "a", day), answer("E2", "PV-1", "a", day), answer("E3", "PV-1", "a", day), answer("E4", "PV-1", "a", day),
		answer("E5", "PV-1", "a", time.Minute), answer("E6", "PV-1", "a", day), answer("E1", "PV-2", "b", day+time.Millisecond),
	}
	there := []hris.Answer{
		answer("E9", "PV-1", "a", day), answer("E1", "PV-1", "a", day), answer("E2", "PV-1", "x", day), answer("E3", "PV-1", "a", 2*day),
		answer("E6", "PV-1", "a", day), answer("E6", "PV-1", "a", day), answer("E1", "PV-2", "b", day+200*time.Millisecond),
	}
	got := hris.Compare(here, there, read)
	want := []hris.Difference{
		{"E2", "PV-1", hris.OtherText}, {"E3", "PV-1", hris.OtherTime}, {"E4", "PV-1", hris.MissingThere}, {"E6", "PV-1", hris.TwiceThere}, {"E9", "PV-1", hris.OnlyThere},
	}
	if !reflect.DeepEqual(got.Listed, want) || got.Differences != 5 || got.Matched != 3 || got.Here != 7 || got.There != 7 {
		t.Errorf("%+v", got)
	}
	var many []hris.Answer
	for i := range hris.MaxListed + 5 {
		many = append(many, answer(fmt.Sprintf("E%03d", i), "PV-1", "a", day))
	}
	if got := hris.Compare(many, nil, read); got.Differences != hris.MaxListed+5 || len(got.Listed) != hris.MaxListed {
		t.Errorf("%d of %d are listed", len(got.Listed), got.Differences)
	}
	if got := hris.Compare(nil, nil, read); got.Differences != 0 {
		t.Errorf("%+v", got)
	}
}

// server answers as an HR system, and client is one that trusts it.
func server(t *testing.T, handler http.HandlerFunc) (address string, client *http.Client) {
	s := httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	policy := outbound.Policy{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: x509.NewCertPool()}
	policy.Roots.AddCert(s.Certificate())
	return s.URL + "/acknowledgments?tenant=7", policy.Client()
}

func TestAListIsReadPageByPage(t *testing.T) {
	address, client := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer tok" || r.URL.Query().Get("tenant") != "7" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		switch r.URL.Query().Get("cursor") {
		case "":
			_, _ = w.Write([]byte(`{"acknowledgments":[{"person":"E1","version":"PV-1","sha256":"a","answered_at":"2026-03-01T02:00:00Z","own":1}],"next_cursor":"p 2"}`))
		case "p 2":
			_, _ = w.Write([]byte(`{"acknowledgments":[{"person":"E2","version":"PV-1","sha256":"a","answered_at":"2026-03-01T02:00:00Z"}]}`))
		default:
			http.NotFound(w, r)
		}
	})
	got, err := hris.Read(context.Background(), client, address, "tok", read)
	if err != nil || len(got.Answers) != 2 || got.Answers[1].Person != "E2" || len(got.SHA256) != 64 {
		t.Errorf("%+v %v", got, err)
	}
	var refused *outbound.Refused
	if _, err := hris.Read(context.Background(), client, address, "", read); !errors.As(err, &refused) || !refused.Final || strings.Contains(err.Error(), "tenant") {
		t.Errorf("without the token: %v", err)
	}
	if _, err := hris.Read(context.Background(), client, "http://127.0.0.1/x", "", read); !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("in the clear: %v", err)
	}
}

// Half a list, or something else, is no list: nothing is compared with it.
func TestWhatIsNoListIsRefused(t *testing.T) {
	one := `{"person":"E1","version":"PV-1","sha256":"a","answered_at":"2026-03-01T02:00:00Z"}`
	for body, says := range map[string]string{
		``: "no list", `[]`: "no list", `{}`: "acknowledgments is missing", `{"acknowledgments":null}`: "acknowledgments is missing", `<html>`: "no list",
		`{"acknowledgments":[` + one + `,{"person":"E2"}]}`:                                        "number 1 needs",
		`{"acknowledgments":[{"person":"` + strings.Repeat("E", 500) + `"}]}`:                      "number 0 needs",
		`{"acknowledgments":[` + one + `],"next_cursor":"again"}`:                                  "comes twice",
		`{"acknowledgments":[],"x":"` + strings.Repeat("x", outbound.MaxAnswer) + `"}`:             "at most 65535 bytes",
		`{"acknowledgments":[{"person":"E1","version":"PV-1","sha256":"a","answered_at":"soon"}]}`: "soon",
	} {
		address, client := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
		if got, err := hris.Read(context.Background(), client, address, "", read); !errors.Is(err, hris.ErrAnswer) || !strings.Contains(err.Error(), says) || got != nil {
			t.Errorf("%.60s: %v, want %q", body, err, says)
		}
	}
	address, client := server(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
	})
	if _, err := hris.Read(context.Background(), client, address, "", read); err == nil || !strings.Contains(err.Error(), "redirects are not followed") {
		t.Errorf("a redirect: %v", err)
	}
	address, client = server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{"acknowledgments":[`))
	})
	if _, err := hris.Read(context.Background(), client, address, "", read); err == nil {
		t.Error("a list that was cut off is read")
	}
}
