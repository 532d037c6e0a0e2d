package surface

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/outbound"
)

// FeedsJob is the kind of the job that reads the regulatory feeds, every day at 05:30
// in the organisation's time zone.
const FeedsJob = "regulations.fetch"

// FetchFeeds reads the regulatory feeds that are followed: over TLS, from public
// addresses and those that the configuration names, within limits of time and size,
// and without following redirects.
func (s *System) FetchFeeds(ctx context.Context, caller act.Caller) (*regulations.Fetched, error) {
	policy := &outbound.Policy{Most: regulations.MaxFeed + 1} // one more than is taken: it is told from a feed that was cut off
	var err error
	if policy.Private, err = s.Config.Feeds.Private(); err != nil {
		return nil, err
	}
	if f := s.Config.Feeds; f != nil && f.Roots != "" {
		path := f.Roots
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.Dir, path)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if policy.Roots = x509.NewCertPool(); !policy.Roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%w: feeds.roots: %s holds no certificate", config.ErrInvalid, path)
		}
	}
	client := policy.Client()
	defer client.CloseIdleConnections()
	return regulations.Fetch(ctx, s.Door, caller, client)
}

// ScheduleFeeds hands the daily reading of the feeds to the runner.
func ScheduleFeeds(s *System, runner *act.Runner, log *slog.Logger) error {
	zone, err := s.Config.Location()
	if err != nil {
		return err
	}
	caller := act.JobCaller(FeedsJob)
	runner.Daily(FeedsJob, jobs.Daily{Hour: 5, Minute: 30, Zone: zone}, func(ctx context.Context, _ *jobs.Job) error {
		done, err := s.FetchFeeds(ctx, caller)
		if err == nil {
			log.Info("regulatory feeds", "read", done.Feeds-done.Failed, "failed", done.Failed, "notices", done.Notices)
		}
		return err
	})
	return nil
}
