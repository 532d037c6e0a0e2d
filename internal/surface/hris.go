package surface

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/hris"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/outbound"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/webhook"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Kinds of the jobs that exchange with the HR system. PeopleJob is no job: it is who
// acts when the HR system's messages come in.
const (
	PeopleJob      = "hris.people"
	AnswersJob     = "hris.answers"
	ReconcileJob   = "hris.reconcile" // every day at 02:00
	reconcileHours = 2
)

// ErrNoHRIS says: the configuration names no HR system, or not for this.
var ErrNoHRIS = errors.New("scaf.json names no HR system for this: see hris in the operator guide")

// exchange is what it takes to talk with the HR system.
type exchange struct {
	config *config.HRIS
	keys   *webhook.Keys
	token  string
	client *http.Client
}

// HRIS reads what it takes. ErrNoHRIS when there is none; config.ErrInvalid when a
// secret is not where the configuration says.
func (s *System) hris() (*exchange, error) {
	c := s.Config.HRIS
	if c == nil || s.Demonstration() {
		return nil, ErrNoHRIS
	}
	x := &exchange{config: c}
	secret, err := c.Secret.Load(s.Dir)
	if err != nil {
		return nil, err
	}
	if x.keys, err = webhook.ParseKeys(secret); err != nil {
		return nil, fmt.Errorf("%w: hris.secret, %s: %w", config.ErrInvalid, &c.Secret, err)
	}
	if c.Token != nil {
		if x.token, err = c.Token.Load(s.Dir); err != nil {
			return nil, err
		}
	}
	policy := &outbound.Policy{}
	if policy.Private, err = c.Private(); err != nil {
		return nil, err
	}
	if c.Roots != "" {
		if policy.Roots, err = roots(s.Dir, c.Roots); err != nil {
			return nil, fmt.Errorf("%w: hris.roots: %w", config.ErrInvalid, err)
		}
	}
	x.client = policy.Client()
	return x, nil
}

// roots reads certification authorities from a PEM file.
func roots(dir, path string) (*x509.CertPool, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", path)
	}
	return pool, nil
}

// VerifyHRIS reports whose id a message has that says to be of the HR system.
// webhook.ErrUnsigned when it is not, ErrNoHRIS when there is none.
func (s *System) VerifyHRIS(header http.Header, body []byte) (id string, err error) {
	x, err := s.hris()
	if err != nil {
		return "", err
	}
	return x.keys.Verify(header, body, s.Clock.Now())
}

// TakePeople takes a message of the HR system, of which the signature was verified.
func (s *System) TakePeople(ctx context.Context, id string, body []byte) (*people.Delivered, error) {
	return people.Take(ctx, s.Door, act.JobCaller(PeopleJob), id, body)
}

// ScheduleHRIS hands the exchange with the HR system to a runner, which waits for
// another machine. It fails when the configuration cannot be used.
func ScheduleHRIS(s *System, sender *act.Runner, log *slog.Logger) error {
	zone, err := s.Config.Location()
	if err != nil {
		return err
	}
	sender.Handle(AnswersJob, s.sendAnswers)
	switch x, err := s.hris(); {
	case errors.Is(err, ErrNoHRIS):
		return nil
	case err != nil:
		return err
	case x.config.ReadFrom == "":
		return nil
	}
	sender.Daily(ReconcileJob, jobs.Daily{Hour: reconcileHours, Zone: zone}, func(ctx context.Context, _ *jobs.Job) error {
		found, err := s.ReconcileHRIS(ctx, act.JobCaller(ReconcileJob))
		if err == nil {
			log.Info("HR system", "acknowledgments", found.Here, "there", found.There, "differences", found.Differences)
		}
		return err
	})
	return nil
}

// answering are the events that the HR system is told of, where it is.
func (s *System) answering() map[string][]string {
	if s.Config.HRIS == nil || s.Config.HRIS.SendTo == "" {
		return nil
	}
	return map[string][]string{typeOf(policies.Acknowledgments, "moved"): {AnswersJob}}
}

// sendAnswers sends the answers that one action gave. Each is one message, whose id
// is the event's: one that was taken is not sent again, and one of which that is not
// known (the program ended between the HR system's answer and the record of it) is
// sent again as the same message.
func (s *System) sendAnswers(ctx context.Context, job *jobs.Job) error {
	x, err := s.hris()
	if err != nil {
		return err
	}
	var to act.Reaction
	if err := json.Unmarshal(job.Payload, &to); err != nil {
		return err
	}
	var events []*ledger.Event
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		return ledger.FindIn(r, ledger.Query{Type: "scaf.*", From: to.First, To: to.First + int64(to.Events)}, func(e *ledger.Event) error {
			if s.answering()[e.Type] != nil {
				events = append(events, e)
			}
			return nil
		})
	}); err != nil {
		return err
	}
	for _, e := range events {
		if err := s.sendAnswer(ctx, x, job, e); err != nil {
			return err
		}
	}
	return nil
}

// sendAnswer sends the answer that an event records, unless it was.
func (s *System) sendAnswer(ctx context.Context, x *exchange, job *jobs.Job, e *ledger.Event) error {
	d := &hris.Delivery{ID: hris.MessageID(e.ID), Acknowledgment: e.Subject, Event: e.Index, State: hris.Sent, Attempt: job.Attempt}
	var kind string
	var answer *hris.Answer
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		_, err := record.Get(r, hris.Deliveries.Name, d.ID)
		if !errors.Is(err, record.ErrNone) {
			return err
		}
		kind, answer, err = answerOf(r, e)
		return err
	}); err != nil || answer == nil {
		return err
	}
	body, err := hris.Body(kind, *answer)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	d.SHA256 = hex.EncodeToString(sum[:])
	var refused *outbound.Refused
	d.Answer, err = x.keys.Send(ctx, x.client, x.config.SendTo, d.ID, s.Clock.Now(), body)
	switch {
	case errors.As(err, &refused) && refused.Final:
		d.State, d.Answer = hris.Refused, refused.Reason
	case errors.As(err, &refused):
		return &act.Later{At: s.Clock.Now().Add(refused.After), Err: err}
	case err != nil:
		return err
	}
	_, err = s.Door.Do(ctx, act.JobCaller(AnswersJob), "hris.deliver", hris.Deliveries.Name+"/"+d.ID, func(tx *act.Tx) error {
		d.At = tx.Now()
		_, err := record.Put(tx, hris.Deliveries, record.Change{Verb: d.State, ID: d.ID, Doc: d})
		return err
	})
	return err
}

// answerOf is the answer that an event recorded; nil: it is about something else.
func answerOf(r *store.Reader, e *ledger.Event) (kind string, answer *hris.Answer, err error) {
	id := strings.TrimPrefix(e.Subject, policies.Acknowledgments.Name+"/")
	history, err := record.History(r, policies.Acknowledgments.Name, id)
	if err != nil {
		return "", nil, err
	}
	for _, v := range history {
		if v.From != e.Index {
			continue
		}
		var a policies.Acknowledgment
		if err := json.Unmarshal(v.Doc, &a); err != nil {
			return "", nil, fmt.Errorf("%s: %w", v.Ref(), err)
		}
		switch {
		case a.State == policies.Acknowledged && a.AcknowledgedAt != nil:
			kind, answer = hris.AcknowledgedType, known(&a)
		case a.State == policies.Refused && a.RefusedAt != nil:
			kind, answer = hris.RefusedType, known(&a)
			answer.AnsweredAt = *a.RefusedAt
		}
	}
	return kind, answer, nil
}

// known is an acknowledgment as the HR system knows it.
func known(a *policies.Acknowledgment) *hris.Answer {
	bare := func(ref string) string { _, id, _ := strings.Cut(ref, "/"); return id }
	answer := &hris.Answer{Acknowledgment: a.ID, Person: bare(a.Person), Policy: bare(a.Policy), Version: bare(a.Version), SHA256: a.SHA256}
	if a.AcknowledgedAt != nil {
		answer.AnsweredAt = *a.AcknowledgedAt
	}
	return answer
}

// ReconcileHRIS reads which acknowledgments the HR system holds, and records how they
// differ from those here. What cannot be read is an error, and no comparison.
func (s *System) ReconcileHRIS(ctx context.Context, caller act.Caller) (*hris.Reconciliation, error) {
	if err := s.Allow(ctx, caller, ReconcileJob, hris.Reconciliations.Register); err != nil {
		return nil, err
	}
	x, err := s.hris()
	if err == nil && x.config.ReadFrom == "" {
		err = ErrNoHRIS
	}
	if err != nil {
		return nil, err
	}
	read := s.Clock.Now()
	there, err := hris.Read(ctx, x.client, x.config.ReadFrom, x.token, read)
	if err != nil {
		return nil, err
	}
	var here []hris.Answer
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		_, err := record.List(r, policies.Acknowledgments, record.Query{Filter: fmt.Sprintf("item.state == %q", policies.Acknowledged)}, func(v *record.Version) error {
			var a policies.Acknowledgment
			if err := json.Unmarshal(v.Doc, &a); err != nil {
				return fmt.Errorf("%s: %w", v.Ref(), err)
			}
			here = append(here, *known(&a))
			return nil
		})
		return err
	}); err != nil {
		return nil, err
	}
	found := hris.Compare(here, there.Answers, read)
	found.At, found.Source, found.SHA256 = read, there.Source, there.SHA256
	_, err = s.Door.Do(ctx, caller, ReconcileJob, hris.Reconciliations.Register, func(tx *act.Tx) error {
		number, err := record.Number(&tx.Reader, hris.Reconciliations.Name)
		if err != nil {
			return err
		}
		found.ID, found.By = hris.ID(number), tx.Caller().ID
		_, err = record.Put(tx, hris.Reconciliations, record.Change{Verb: "made", ID: found.ID, Doc: found})
		return err
	})
	return found, err
}

// hrisState tells of the exchange with the HR system in the metrics.
type hrisState struct{ s *System }

// HRISMetrics are the metrics of the exchange with the HR system.
func HRISMetrics(s *System) prometheus.Collector { return hrisState{s} }

var (
	differencesDescription = prometheus.NewDesc("scaf_hris_acknowledgment_differences", "Acknowledgments of which the HR system and SCAF did not say the same when they were last compared; not there: they never were.", nil, nil)
	reconciledDescription  = prometheus.NewDesc("scaf_hris_last_reconciled_timestamp_seconds", "When the acknowledgments were last compared with those of the HR system, in seconds since 1970; not there: never.", nil, nil)
	refusedDescription     = prometheus.NewDesc("scaf_hris_deliveries_refused", "Acknowledgments that the HR system refused to take.", nil, nil)
)

// Describe implements prometheus.Collector.
func (hrisState) Describe(out chan<- *prometheus.Desc) {
	out <- differencesDescription
	out <- reconciledDescription
	out <- refusedDescription
}

// Collect implements prometheus.Collector.
func (h hrisState) Collect(out chan<- prometheus.Metric) {
	if h.s.Config.HRIS == nil {
		return
	}
	var last *hris.Reconciliation
	refused := 0
	if err := h.s.DB.Read(context.Background(), func(r *store.Reader) error {
		if _, err := record.List(r, hris.Reconciliations, record.Query{Sort: "-at", Limit: 1}, func(v *record.Version) error {
			last = &hris.Reconciliation{}
			return json.Unmarshal(v.Doc, last)
		}); err != nil {
			return err
		}
		_, err := record.List(r, hris.Deliveries, record.Query{Filter: fmt.Sprintf("item.state == %q", hris.Refused)}, func(*record.Version) error {
			refused++
			return nil
		})
		return err
	}); err != nil {
		out <- prometheus.NewInvalidMetric(refusedDescription, err)
		return
	}
	out <- prometheus.MustNewConstMetric(refusedDescription, prometheus.GaugeValue, float64(refused))
	if last != nil {
		out <- prometheus.MustNewConstMetric(differencesDescription, prometheus.GaugeValue, float64(last.Differences))
		out <- prometheus.MustNewConstMetric(reconciledDescription, prometheus.GaugeValue, float64(last.At.Unix()))
	}
}
