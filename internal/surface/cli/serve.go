package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/surface/api"
	"scaf.dev/scaf/internal/surface/portal"
	"scaf.dev/scaf/internal/trust/ledger"
)

// defaultListen is where scaf serve listens: this machine alone reaches it.
const defaultListen = "127.0.0.1:8321"

const (
	// jobTick is how often the runner looks for jobs.
	jobTick = 15 * time.Second
	// grace is how long requests that are under way may take at the end.
	grace = 30 * time.Second
)

func (p *program) serveCommand() *cobra.Command {
	var listen string
	var insecure bool
	command := &cobra.Command{
		Use:   "serve [--listen ADDR]",
		Short: "Serve the HTTP API; do the daily verification, time stamps, calendar and report",
		Long: `Serve the HTTP API until SIGTERM or SIGINT, and do what is due every day: verify
the ledger at 00:30, look after the calendar of duties at 00:45, ask for
acknowledgments, assign trainings and look after findings at 00:50, have the
ledger time-stamped at 01:00, and at 01:15 perform the tests whose answer may
have changed and make the readiness report; all in the organisation's time zone.
Acknowledgments are sent to the HR system that scaf.json names, and compared with
those that it holds at 02:00. People are told what concerns them: in the portal, and on the channels that
scaf.json names; deadlines are looked at half an hour before digests are sent, at
08:00 unless it says otherwise. The first line on standard output says where it
listens; the log goes to standard error.

Regulatory feeds are read every day at 05:30.

The API speaks plain HTTP, so it listens on this machine only. For others put a
proxy with TLS in front of it. Programs show a token of scaf token create.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkListen(listen, insecure); err != nil {
				return err
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				return p.serve(cmd.Context(), s, listen)
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&listen, "listen", defaultListen, "address to listen on; port 0 takes a free one")
	flags.BoolVar(&insecure, "insecure-http", false, "listen on an address that others can reach, without TLS")
	return command
}

// checkListen refuses an address that other machines can reach.
func checkListen(address string, insecure bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return usagef("--listen %q is no address like %s", address, defaultListen)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() || insecure {
		return nil
	}
	return usagef("--listen %s: others could reach it and read tokens on the way: put a TLS proxy in front and listen on %s, or say --insecure-http", address, defaultListen)
}

// ownTemporary makes what is written down for a while stay in the folder of the data, until
// that is left, and empties it: whatever a server that was killed has left is nobody's any more.
func ownTemporary(dir string) (leave func(), err error) {
	const variable = "TMPDIR"
	temporary := filepath.Join(dir, "tmp")
	if err := os.RemoveAll(temporary); err != nil {
		return nil, err
	}
	if err := os.Mkdir(temporary, 0o700); err != nil {
		return nil, err
	}
	before, there := os.LookupEnv(variable)
	return func() {
		if there {
			_ = os.Setenv(variable, before) // a name without = and NUL is taken
		} else {
			_ = os.Unsetenv(variable)
		}
	}, os.Setenv(variable, temporary)
}

func (p *program) serve(ctx context.Context, s *surface.System, address string) error {
	log := p.logger(slog.LevelInfo)
	leave, err := ownTemporary(s.Dir)
	if err != nil {
		return err
	}
	defer leave()
	runner := act.NewRunner(s.Door, log)
	duties, err := surface.NewDuties(s, runner, log)
	if err != nil {
		return err
	}
	if err := surface.ScheduleCalendar(s, runner, log); err != nil {
		return err
	}
	if err := surface.ScheduleWatch(s, runner, log); err != nil {
		return err
	}
	if err := surface.ScheduleFeeds(s, runner, log); err != nil {
		return err
	}
	if err := surface.ScheduleReadiness(s, runner, log); err != nil {
		return err
	}
	if err := surface.ScheduleErrands(s, runner, log); err != nil {
		return err
	}
	sender := runner.Beside()
	if err := surface.ScheduleNotifications(s, runner, sender, log); err != nil {
		return err
	}
	if err := surface.ScheduleHRIS(s, sender, log); err != nil {
		return err
	}
	reader := runner.Beside() // somebody waits for it
	if err := surface.ScheduleTables(s, reader, log); err != nil {
		return err
	}
	desk, err := s.NotificationDesk()
	if err != nil {
		return err
	}
	server, err := api.New(s, log, api.DefaultTimeouts, runner, duties, desk, surface.HRISMetrics(s))
	if err != nil {
		return err
	}
	pages, err := portal.New(s, log)
	if err != nil {
		return err
	}
	server.Pages = pages
	first := ""
	if !strings.HasPrefix(s.Config.Origin, ledger.DemoOrigin) { // which everybody may read, and nobody needs to sign in to
		if first, err = pages.SetUp(ctx); err != nil {
			return err
		}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	at := "http://" + listener.Addr().String()
	said := map[string]string{"listening": at}
	if first != "" {
		said["set_up"] = at + first
	}
	text := "listening on " + at + "\n"
	if first != "" {
		text += "Nobody has an account yet. Make the first one, with this link, which works once:\n" + said["set_up"] + "\n"
	}
	if err := p.print(said, func(w io.Writer) { printf(w, "%s", text) }); err != nil {
		return errors.Join(err, listener.Close())
	}
	log.Info("serving", "address", at, "folder", s.Dir, "version", s.Version)

	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() {
		if err := duties.Restore(ctx); err != nil && ctx.Err() == nil {
			log.Error("the latest verification cannot be read", "error", err)
		}
		ticker := time.NewTicker(jobTick)
		defer ticker.Stop()
		runner.Run(ctx, ticker.C)
	})
	working.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		reader.Run(ctx, ticker.C)
	})
	working.Go(func() {
		ticker := time.NewTicker(jobTick)
		defer ticker.Stop()
		sender.Run(ctx, ticker.C)
	})
	err = server.Serve(ctx, listener, grace)
	stop()
	working.Wait()
	log.Info("stopped")
	return err
}

// logger writes the program's log to standard error: JSON with --json, else
// text. Neither tokens nor bodies are ever logged.
func (p *program) logger(least slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: least}
	if p.json {
		return slog.New(slog.NewJSONHandler(p.Err, options))
	}
	return slog.New(slog.NewTextHandler(p.Err, options))
}
