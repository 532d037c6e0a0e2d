package cli

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) notificationCommand() *cobra.Command {
	return noun("notification", "See what was sent to whom, try channels, send again what failed",
		p.notificationList(), p.notificationChannels(), p.notificationTest(), p.notificationSend(), p.notificationRetry())
}

func (p *program) notificationList() *cobra.Command {
	var q notifications.LogQuery
	command := &cobra.Command{
		Use:   "list [--state STATE] [--channel NAME] [--to REF] [--kind KIND]",
		Short: "List deliveries: what was sent, what waits, what failed",
		Long: `List the deliveries of notifications beside the portal's inboxes, the newest
first: those that wait, are held for a digest, were delivered, or failed.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch q.State {
			case "", notifications.Waiting, notifications.Held, notifications.Delivered, notifications.Failed:
			default:
				return usagef("--state %q is none: waiting, held, delivered or failed", q.State)
			}
			if q.Limit < 1 || q.Limit > 10_000 {
				return usagef("--limit is from 1 to 10000")
			}
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				if err := s.Allow(cmd.Context(), caller(), "notification.read", "notifications"); err != nil {
					return err
				}
				var all []notifications.Delivery
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					all, err = notifications.Log(r, q)
					return err
				}); err != nil {
					return err
				}
				return printAll(p, all, "nothing is like that: scaf notification channels shows what is configured", func(w io.Writer, d notifications.Delivery) {
					printf(w, "%s  %-9s  %s to %s\n", d.ToldAt.Format("2006-01-02 15:04"), d.State, d.Channel, d.Recipient)
					printf(w, "  %s\n", d.Title)
					if d.Answer != "" {
						printf(w, "  %s\n", d.Answer)
					}
					printf(w, "  %s\n", d.Notification)
				})
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&q.State, "state", "", "waiting, held, delivered or failed")
	flags.StringVar(&q.Channel, "channel", "", "email, slack, slack-channel or webhook/NAME")
	flags.StringVar(&q.Recipient, "to", "", "who was told, as person/E1001")
	flags.StringVar(&q.Kind, "kind", "", "the kind of message, such as duty")
	flags.IntVar(&q.Limit, "limit", 100, "how many at most")
	return command
}

func (p *program) notificationChannels() *cobra.Command {
	return &cobra.Command{
		Use:   "channels",
		Short: "List the channels that scaf.json names, without their secrets",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				if err := s.Allow(cmd.Context(), caller(), "settings.read", "notifications"); err != nil {
					return err
				}
				all, err := s.ShownChannels()
				if err != nil {
					return err
				}
				return printAll(p, all, "people are told in the portal alone: docs/operator.md says how to add channels", func(w io.Writer, c surface.Channel) {
					printf(w, "%s  (to %s)\n  %s\n", c.Name, c.To, c.What)
					if len(c.Kinds) > 0 {
						printf(w, "  told of: %s\n", strings.Join(c.Kinds, ", "))
					}
				})
			})
		},
	}
}

func (p *program) notificationTest() *cobra.Command {
	var to string
	command := &cobra.Command{
		Use:   "test CHANNEL [--to REF]",
		Short: "Send a test by a channel, and say what came of it",
		Long: `Send a test by a channel of scaf notification channels, to a person or an
account (email, slack), or on a channel of the organisation. It is not tried
again. The exit status is 1 when it was not taken. While scaf serve runs, use the
button of the portal's settings.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				desk, err := s.NotificationDesk()
				if err != nil {
					return err
				}
				_, own := desk.Rules.Own[given[0]]
				switch {
				case own && to != "":
					return usagef("%s is a channel of the organisation, and reaches who reads it: leave --to out", given[0])
				case own:
					to = notifications.Organization
				case desk.Channels[given[0]] != nil && to == "":
					return usagef("%s needs --to, such as person/E1001 or account/ann", given[0])
				}
				tried, err := desk.Try(cmd.Context(), caller(), to, given[0])
				if errors.Is(err, notifications.ErrChannel) {
					return usagef("%w: scaf notification channels lists those that are", err)
				}
				if err != nil {
					return err
				}
				if err := p.print(tried, func(w io.Writer) {
					printf(w, "%s: %s, %s\n", tried.Channel, tried.State, tried.Answer)
				}); err != nil {
					return err
				}
				if tried.State != notifications.Delivered {
					return failed{errors.New("the test was not taken: " + tried.Answer)}
				}
				return nil
			})
		},
	}
	command.Flags().StringVar(&to, "to", "", "who gets it, as person/E1001 or account/ann")
	return command
}

func (p *program) notificationSend() *cobra.Command {
	return &cobra.Command{
		Use:   "send",
		Short: "Tell people what they are to be told, and send what is due, once",
		Long: `Tell people of what has happened and what is due, and send what is to be sent
by now. scaf serve does so all the time; this is for who does not let it run. What
fails is tried again by the next one, after a pause. The exit status is 1 when
something was given up.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				if err := s.Allow(cmd.Context(), caller(), "notification.tell", "notifications"); err != nil {
					return err
				}
				sent, err := surface.SendNotifications(cmd.Context(), s, p.logger(slog.LevelError))
				if err != nil {
					return err
				}
				if err := p.print(sent, func(w io.Writer) {
					printf(w, "%d told, %d messages delivered, %d given up; %d wait\n", sent.Told, sent.Delivered, sent.Failed, sent.Waiting)
				}); err != nil || sent.Failed == 0 {
					return err
				}
				return failed{fmt.Errorf("%d message(s) were given up: scaf notification list --state failed", sent.Failed)}
			})
		},
	}
}

func (p *program) notificationRetry() *cobra.Command {
	return &cobra.Command{
		Use:   "retry NOTIFICATION CHANNEL",
		Short: "Let scaf serve try a delivery that failed again",
		Args:  args(2, 2),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				desk, err := s.NotificationDesk()
				if err != nil {
					return err
				}
				if err := desk.Again(cmd.Context(), caller(), given[0], given[1]); err != nil {
					return err
				}
				return p.print(map[string]string{"notification": given[0], "channel": given[1], "state": notifications.Waiting}, func(w io.Writer) {
					printf(w, "%s by %s waits: scaf serve tries it again\n", given[0], given[1])
				})
			})
		},
	}
}
