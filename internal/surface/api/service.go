package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// registerService adds the routes that are about the service itself.
func (s *Server) registerService() error {
	s.describeBodies()
	s.describeAnswers()
	describeRegisters(s.api.OpenAPI().Components.Schemas, s.System.Kinds)
	s.api.OpenAPI().Components.Schemas.Map()["Version"].Properties["document"] = anyRecord(s.System.Kinds, "", func(*record.Kind) bool { return true })
	description, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		return fmt.Errorf("describe the API: %w", err)
	}
	plain := func(id string, handler http.HandlerFunc) { s.guard.HandleFunc(find(id).pattern(), handler) }
	plain("get-openapi", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json;version=3.1")
		_, _ = w.Write(description) // whoever asked has gone
	})
	plain("get-health", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	plain("get-ready", s.ready)
	plain("get-metrics", s.metrics.ServeHTTP)
	return nil
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", textType)
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text)
}

// ready says whether events can be taken: the database answers, the ledger's
// head is there and signed, and nothing waits in the side file. What it is
// that fails stands in the log.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	err := s.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		head, err := ledger.ReadHead(reader)
		if err == nil {
			_, err = ledger.OpenCheckpoint(head.Checkpoint, s.System.VerifierKey)
		}
		return err
	})
	if waiting := s.System.Door.Unwritten(); err == nil && waiting > 0 {
		err = fmt.Errorf("%d events wait to be written", waiting)
	}
	if err != nil {
		s.Log.Warn("not ready", "error", err)
		say(w, http.StatusServiceUnavailable, "not ready")
		return
	}
	say(w, http.StatusOK, "ready")
}

// prepareMetrics makes the registry.
func (s *Server) prepareMetrics(others []prometheus.Collector) error {
	s.durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "scaf_http_request_duration_seconds",
		Help:    "Time to answer a request, by method, route and status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"method", "route", "status"})
	registry := prometheus.NewRegistry()
	all := append([]prometheus.Collector{
		s.durations, s.System.Door.WriteFailures, ledgerState{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}, others...)
	for _, collector := range all {
		if err := registry.Register(collector); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	s.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // what can be read is served while the database is away
		ErrorLog:      promLog{s},
	})
	return nil
}

type promLog struct{ s *Server }

// Println implements promhttp.Logger.
func (l promLog) Println(v ...any) { l.s.Log.Warn("metrics", "error", fmt.Sprint(v...)) }

// ledgerState reads the ledger's size, and what stands in the registers, when it is
// asked.
type ledgerState struct{ s *Server }

var (
	sizeDescription    = prometheus.NewDesc("scaf_ledger_size", "Events in the ledger.", nil, nil)
	missingDescription = prometheus.NewDesc("employees_missing_training_total", "People who are there and have a training to finish that is past its due date.", nil, nil)
	waitingDescription = prometheus.NewDesc("scaf_events_waiting", "Events that could not be written and wait in the side file.", nil, nil)
)

// Describe implements prometheus.Collector.
func (ledgerState) Describe(out chan<- *prometheus.Desc) {
	out <- sizeDescription
	out <- waitingDescription
	out <- missingDescription
}

// Collect implements prometheus.Collector.
func (l ledgerState) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(waitingDescription, prometheus.GaugeValue, float64(l.s.System.Door.Unwritten()))
	var head ledger.Head
	if err := l.s.System.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		head, err = ledger.ReadHead(r)
		return err
	}); err != nil {
		out <- prometheus.NewInvalidMetric(sizeDescription, err)
		return
	}
	out <- prometheus.MustNewConstMetric(sizeDescription, prometheus.GaugeValue, float64(head.Size))
	missing, err := l.s.System.MissingTraining(context.Background())
	if err != nil {
		out <- prometheus.NewInvalidMetric(missingDescription, err)
		return
	}
	out <- prometheus.MustNewConstMetric(missingDescription, prometheus.GaugeValue, float64(missing))
}
