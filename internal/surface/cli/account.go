package cli

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
)

func (p *program) accountCommand() *cobra.Command {
	return noun("account", "Make and end the accounts with which people sign in",
		p.accountCreate(), p.accountList(), p.accountRoles(), p.accountPassword(), p.accountDisable())
}

func (p *program) accountCreate() *cobra.Command {
	var a accounts.Account
	command := &cobra.Command{
		Use:   "create ID --name NAME --role ROLE",
		Short: "Make an account; the password is read from standard input",
		Long: `Make an account that a person signs in to the portal with. ID is what they sign in
with, an e-mail address for instance. The password is asked for on a terminal, and is
the first line of standard input elsewhere; it has at least 12 characters. --person
says which record of the register of people they are: two-person rules know them
by it.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(a.Roles) == 0 {
				return usagef("scaf account create needs --role: one or more of %s", list(access.Roles.Names()))
			}
			password, err := p.password("Password: ")
			if err != nil {
				return err
			}
			a.ID = given[0]
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				made, err := accounts.Create(cmd.Context(), s.Door, caller(), a, password)
				if err != nil {
					return err
				}
				return p.print(made, func(w io.Writer) {
					printf(w, "%s signs in as %s, with the role %s.\n", made.Name, made.ID, list(made.Roles))
				})
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&a.Name, "name", "", "the person's name")
	flags.StringVar(&a.Person, "person", "", "their record, like person/E1001")
	flags.StringSliceVar(&a.Roles, "role", nil, "role; may be given again")
	return command
}

func (p *program) accountList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all accounts and their roles; the reading is recorded",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				if err := s.ViewRecords(cmd.Context(), caller(), accounts.Register, "", nil); err != nil {
					return err
				}
				var all []accounts.Account
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					all, err = accounts.List(r)
					return err
				}); err != nil {
					return err
				}
				return p.print(all, func(w io.Writer) {
					if len(all) == 0 {
						printf(w, "Nobody has an account yet: scaf account create, or the link that scaf serve prints.\n")
					}
					for _, a := range all {
						printf(w, "%-30s %s\n", a.ID, a.Name)
						ended := ""
						if a.DisabledAt != nil {
							ended = "; disabled " + a.DisabledAt.Format(time.DateOnly)
						}
						printf(w, "    %s%s\n", list(a.Roles), ended)
					}
				})
			})
		},
	}
}

func (p *program) accountRoles() *cobra.Command {
	var roles []string
	command := &cobra.Command{
		Use:   "roles ID --role ROLE",
		Short: "Give an account other roles, which are all that it has then",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				a, err := accounts.SetRoles(cmd.Context(), s.Door, caller(), given[0], roles)
				if err != nil {
					return err
				}
				return p.print(a, func(w io.Writer) { printf(w, "%s has the role %s.\n", a.ID, list(a.Roles)) })
			})
		},
	}
	command.Flags().StringSliceVar(&roles, "role", nil, "role; may be given again")
	return command
}

func (p *program) accountPassword() *cobra.Command {
	return &cobra.Command{
		Use:   "password ID",
		Short: "Reset an account's password, read as for create; its sessions end",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			password, err := p.password("New password: ")
			if err != nil {
				return err
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				return accounts.SetPassword(cmd.Context(), s.Door, caller(), given[0], "", password)
			})
		},
	}
}

func (p *program) accountDisable() *cobra.Command {
	return &cobra.Command{
		Use:   "disable ID",
		Short: "End an account, and wherever it is signed in, at once",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				_, err := accounts.Disable(cmd.Context(), s.Door, caller(), given[0])
				return err
			})
		},
	}
}

// password reads a password: without showing it on a terminal, else the first
// line of standard input. It is never an argument, which others could see.
func (p *program) password(prompt string) (string, error) {
	if file, ok := p.In.(*os.File); ok && isTerminal(file) {
		printf(p.Err, "%s", prompt)
		typed, err := term.ReadPassword(int(file.Fd()))
		printf(p.Err, "\n")
		return string(typed), err
	}
	line, err := bufio.NewReader(io.LimitReader(p.In, 4096)).ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}
