package surface_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/webhook"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/surface"
)

const hrisSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

// hrSystem takes signed acknowledgments over TLS, keeps them, and lists what it has.
type hrSystem struct {
	*httptest.Server
	t     *testing.T
	clock func() time.Time

	mu       sync.Mutex
	answers  []int // statuses to give before the messages are taken
	messages map[string]int
	held     []hris.Answer
}

func (h *hrSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Method == http.MethodGet {
		if r.Header.Get("Authorization") != "Bearer reader" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"acknowledgments": append([]hris.Answer{}, h.held...)})
		return
	}
	keys, err := webhook.ParseKeys(hrisSecret)
	if err != nil {
		h.t.Error(err)
	}
	body, _ := io.ReadAll(r.Body)
	id, err := keys.Verify(r.Header, body, h.clock())
	if err != nil {
		h.t.Errorf("a message that is not signed as it should be: %v", err)
	}
	h.messages[id]++
	if len(h.answers) > 0 {
		w.Header().Set("Retry-After", "7200")
		w.WriteHeader(h.answers[0])
		h.answers = h.answers[1:]
		return
	}
	var m struct {
		Type string
		Data hris.Answer
	}
	if err := json.Unmarshal(body, &m); err != nil {
		h.t.Error(err)
	}
	if m.Type == hris.AcknowledgedType {
		h.held = append(h.held, m.Data)
	}
}

// exchanging is a folder whose people acknowledge a policy, with an HR system.
func exchanging(t *testing.T, test func(t *testing.T, f *apptest.Folder, h *hrSystem)) {
	t.Setenv("SCAF_TEST_HRIS", hrisSecret)
	t.Setenv("SCAF_TEST_HRIS_TOKEN", "reader")
	for name, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": apptest.Postgres} {
		t.Run(name, func(t *testing.T) {
			h := &hrSystem{t: t, messages: map[string]int{}}
			h.Server = httptest.NewTLSServer(h)
			t.Cleanup(h.Close)
			roots := filepath.Join(t.TempDir(), "roots.pem")
			if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o600); err != nil {
				t.Fatal(err)
			}
			f := apptest.New(t, config.Config{Database: database(t), HRIS: &config.HRIS{
				Secret: config.Secret{Env: "SCAF_TEST_HRIS"}, SendTo: h.URL, ReadFrom: h.URL, Token: &config.Secret{Env: "SCAF_TEST_HRIS_TOKEN"},
				AllowPrivate: []string{"127.0.0.0/8"}, Roots: roots,
			}})
			h.clock = f.Manual.Now
			for _, id := range []string{"E1", "E2"} {
				mustAdd(t, f, people.Register, fmt.Sprintf(`{"id":%q,"name":"Example","joined_at":"2026-01-05T09:00:00Z"}`, id))
			}
			text := "---\nid: desks\ntitle: Desks\nsummary: s\nowner: o\naudience: everybody\ncriteria: [CC6.4]\ncontrols: [PHY-01]\nreview: annual\n---\nLock it away.\n"
			policy, err := catalog.ParsePolicy("desks.md", []byte(text))
			if err == nil {
				_, err = f.InstallPolicies(t.Context(), apptest.Operator, []catalog.Policy{policy}, "wiki")
			}
			for _, step := range [][2]string{{policies.InReview, ""}, {policies.Approved, "person/boss"}, {policies.InForce, ""}} {
				by, fields := apptest.Operator, map[string]json.RawMessage{}
				if step[1] != "" {
					by = act.Caller{ID: step[1], Roles: []string{"executive"}}
				}
				if step[0] == policies.InForce {
					fields["channels"] = json.RawMessage(`["portal"]`)
				}
				if err == nil {
					_, err = f.MoveRecord(t.Context(), by, policies.Versions, "PV-1", record.AnyVersion, step[0], fields)
				}
			}
			if err == nil {
				_, err = f.AskEverybody(t.Context(), apptest.Operator)
			}
			if err != nil {
				t.Fatal(err)
			}
			test(t, f, h)
		})
	}
}

func mustAdd(t *testing.T, f *apptest.Folder, kind *record.Kind, doc string) {
	t.Helper()
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(doc), &fields); err != nil {
		t.Fatal(err)
	}
	if _, err := f.AddRecord(t.Context(), apptest.Operator, kind, fields); err != nil {
		t.Fatal(err)
	}
}

// answer is somebody's own.
func answer(t *testing.T, f *apptest.Folder, person, state string, fields map[string]json.RawMessage) {
	t.Helper()
	caller := act.Caller{ID: "person/" + person, Roles: []string{"account"}}
	if _, err := f.MoveRecord(t.Context(), caller, policies.Acknowledgments, "PV-1."+person, record.AnyVersion, state, fields); err != nil {
		t.Fatal(err)
	}
}

func deliveries(t *testing.T, f *apptest.Folder) (all []hris.Delivery) {
	t.Helper()
	if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
		return record.Each(r, record.Range{Kind: hris.Deliveries.Name}, func(v *record.Version) error {
			var d hris.Delivery
			err := json.Unmarshal(v.Doc, &d)
			all = append(all, d)
			return err
		})
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func metrics(t *testing.T, f *apptest.Folder, want ...string) {
	t.Helper()
	registry := prometheus.NewRegistry()
	if err := registry.Register(surface.HRISMetrics(f.System)); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, family := range families {
		for _, m := range family.GetMetric() {
			got = append(got, fmt.Sprintf("%s %v", family.GetName(), m.GetGauge().GetValue()))
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("the metrics do not say %q: %q", line, got)
		}
	}
}

// An answer is sent once, however often that takes; what the HR system holds is held
// against what was answered, and each difference is named.
func TestAcknowledgmentsAreKeptByTheHRSystem(t *testing.T) {
	exchanging(t, func(t *testing.T, f *apptest.Folder, h *hrSystem) {
		log := slog.New(slog.DiscardHandler)
		due := func() {
			t.Helper()
			runner := act.NewRunner(f.Door, log) // as after a restart
			if err := surface.ScheduleHRIS(f.System, runner, log); err != nil {
				t.Fatal(err)
			}
			if err := runner.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		reconcile := func(differences ...hris.Difference) {
			t.Helper()
			got, err := f.ReconcileHRIS(t.Context(), apptest.Operator)
			if err != nil || fmt.Sprint(got.Listed) != fmt.Sprint(differences) || got.Differences != len(differences) {
				t.Errorf("%+v %v, want %v", got, err, differences)
			}
			metrics(t, f, fmt.Sprintf("scaf_hris_acknowledgment_differences %d", len(differences)))
		}
		due()
		h.answers = []int{503, 429}
		answer(t, f, "E1", policies.Acknowledged, nil)
		due()
		f.Manual.Advance(time.Hour)
		due() // the HR system asked for two hours
		if got := deliveries(t, f); len(got) != 0 || len(h.held) != 0 || len(h.messages) != 1 {
			t.Errorf("%+v %v", got, h.messages)
		}
		f.Manual.Advance(time.Hour)
		due()
		reconcile(hris.Difference{Person: "E1", Version: "PV-1", What: hris.MissingThere})
		f.Manual.Advance(2 * time.Hour)
		due()
		due()
		got := deliveries(t, f)
		if len(got) != 1 || got[0].State != hris.Sent || got[0].Attempt != 3 || got[0].Acknowledgment != "acknowledgment/PV-1.E1" || len(h.held) != 1 || h.held[0].Person != "E1" || h.messages[got[0].ID] != 3 {
			t.Fatalf("%+v %v %v", got, h.messages, h.held)
		}
		reconcile()

		// What will never be taken is on record, and counted.
		h.answers = []int{422}
		answer(t, f, "E2", policies.Refused, map[string]json.RawMessage{"reason": json.RawMessage(`"No lock"`)})
		due()
		answer(t, f, "E2", policies.Acknowledged, nil)
		due()
		if got := deliveries(t, f); len(got) != 3 || got[1].State != hris.Refused || !strings.Contains(got[1].Answer, "422") || got[2].State != hris.Sent || len(h.messages) != 3 {
			t.Errorf("%+v", got)
		}
		metrics(t, f, "scaf_hris_deliveries_refused 1")
		reconcile()
		h.held[0].SHA256 = "another"
		h.held = append(h.held, hris.Answer{Person: "E7", Version: "PV-1", SHA256: "x", AnsweredAt: f.Manual.Now()})
		reconcile(hris.Difference{Person: "E1", Version: "PV-1", What: hris.OtherText}, hris.Difference{Person: "E7", Version: "PV-1", What: hris.OnlyThere})

		// What cannot be read is no comparison.
		h.Close()
		if _, err := f.ReconcileHRIS(t.Context(), apptest.Operator); err == nil {
			t.Error("an HR system that is away was compared with")
		}
		metrics(t, f, "scaf_hris_acknowledgment_differences 2")
		if _, err := f.ReconcileHRIS(t.Context(), act.Caller{ID: "x", Roles: []string{"auditor"}}); !errors.Is(err, act.ErrDenied) {
			t.Error(err)
		}
	})
}

// A message that the HR system took, and of which the program ended before that was
// on record, is sent again as the same message.
func TestAMessageKeepsItsIdAcrossACrash(t *testing.T) {
	exchanging(t, func(t *testing.T, f *apptest.Folder, h *hrSystem) {
		log := slog.New(slog.DiscardHandler)
		answer(t, f, "E1", policies.Acknowledged, nil)
		ctx, cancel := context.WithCancel(t.Context())
		runner := act.NewRunner(f.Door, log)
		if err := surface.ScheduleHRIS(f.System, runner, log); err != nil {
			t.Fatal(err)
		}
		h.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			if r.Method == http.MethodGet {
				return
			}
			cancel()
			<-r.Context().Done() // the answer never arrives
		})
		_ = runner.RunDue(ctx)
		h.Config.Handler = h
		if got := deliveries(t, f); len(got) != 0 || len(h.messages) != 1 {
			t.Fatalf("%+v %v", got, h.messages)
		}
		f.Manual.Advance(time.Hour)
		if err := runner.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := deliveries(t, f); len(got) != 1 || h.messages[got[0].ID] != 2 {
			t.Errorf("%+v %v", got, h.messages)
		}
	})
}

// The whole list says who there is. From the first message on, each one carries that on to
// itself, until one is refused: then the list has to say so again.
func TestMessagesOfTheHRSystemCarryOnFromTheWholeList(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		window := populations.Window{From: apptest.Begin, To: apptest.Begin.Add(24 * time.Hour), Zone: time.UTC}
		reaches := func(hour int, gaps ...string) {
			t.Helper()
			var got *populations.Coverage
			if err := f.DB.Read(t.Context(), func(r *store.Reader) (err error) {
				got, err = populations.Covered(populations.Stored(r), "people", window)
				return err
			}); err != nil || got.Until.Sub(window.From).Round(time.Minute) != time.Duration(hour)*time.Hour {
				t.Errorf("%+v (%v), want it to reach %d hours", got, err, hour)
				return
			}
			for _, gap := range gaps {
				if !strings.Contains(strings.Join(got.Gaps, "\n"), gap) {
					t.Errorf("the gaps lack %q: %q", gap, got.Gaps)
				}
			}
		}
		tell := func(hour int, id, persons string, refused bool) {
			t.Helper()
			f.Manual.Set(window.From.Add(time.Duration(hour) * time.Hour))
			body := fmt.Appendf(nil, `{"type":"people.changed","timestamp":%q,"data":{"people":[%s]}}`, f.Manual.Now().Format(time.RFC3339), persons)
			_, err := f.TakePeople(t.Context(), id, body)
			if invalid := new(record.Invalid); errors.As(err, &invalid) != refused || !refused && err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		table := func(hour int) {
			t.Helper()
			f.Manual.Set(window.From.Add(time.Duration(hour) * time.Hour))
			if _, err := f.TakeTable(t.Context(), apptest.Operator, surface.Table{Register: "people", Form: tabular.CSV, Name: "people.csv", Update: true}, strings.NewReader("id,name\nE1,Example Ada\n")); err != nil {
				t.Fatal(err)
			}
		}

		tell(1, "m1", `{"id":"E1","name":"Example Ada"}`, false)
		reaches(0, "the beginning of the period")
		table(2)
		reaches(2)
		tell(3, "m2", `{"id":"E2","name":"Example Ben"}`, false)
		reaches(3)
		tell(4, "m3", ``, false) // nothing has changed
		reaches(4)

		tell(5, "m4", `{"id":"E3","name":"Example Cyd","email":"nobody"}`, true)
		reaches(4, `message "m4": data.people[0].email`, "of the HR system was refused")
		tell(6, "m4", `{"id":"E3","name":"Example Cyd","email":"nobody"}`, true) // is on record once
		tell(7, "m5", `{"id":"E4","name":"Example Dan"}`, false)
		tell(8, "m4", `{"id":"E3","name":"Example Cyd"}`, false)
		reaches(4, "of the HR system was refused")
		table(9)
		reaches(9)
		tell(10, "m6", `{"id":"E4","title":"Lead"}`, false)
		reaches(10)

		// What is no message, or has the id of another one, is something that is not known here.
		for i, broken := range []func(hour int){
			func(hour int) { tell(hour, "m7", `{"id":"E5"`, true) },
			func(hour int) { tell(hour, "not an id", `{"id":"E5","name":"Example Eve"}`, true) },
			func(hour int) {
				f.Manual.Set(window.From.Add(time.Duration(hour) * time.Hour))
				if _, err := f.TakePeople(t.Context(), "m6", []byte(`{"type":"people.changed","timestamp":"2026-01-01T00:00:00Z","data":{"people":[]}}`)); !errors.Is(err, people.ErrConflict) {
					t.Error(err)
				}
			},
		} {
			hour := 11 + 3*i
			broken(hour)
			tell(hour+1, fmt.Sprint("n", i), ``, false)
			reaches(hour-1, "was refused")
			table(hour + 2)
			reaches(hour + 2)
			tell(hour+2, fmt.Sprint("o", i), ``, false)
		}

		// One that is refused in the same moment as another is taken ends it, too.
		tell(20, "p1", ``, false)
		tell(20, "p2", `{"id":"E6"`, true)
		tell(21, "p3", ``, false)
		reaches(20, "was refused")
	})
}
