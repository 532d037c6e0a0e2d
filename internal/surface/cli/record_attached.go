package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/surface"
)

// about opens the folder for writing and works on the record of the first
// argument.
func (p *program) about(ctx context.Context, ref string, work func(*surface.System, *record.Kind, string) error) error {
	return p.open(ctx, surface.Write, func(s *surface.System) error {
		kind, id, err := s.Kinds.Parse(ref)
		if err != nil {
			return err
		}
		return work(s, kind, id)
	})
}

func (p *program) recordLink(remove bool) *cobra.Command {
	command := &cobra.Command{
		Use: "link REF RELATION REF", Short: "Link a record to another one",
		Long: `Link a record to another one. Both show it, each from its side. The relations are
relates_to, causes, mitigates, depends_on, evidences, duplicates, follows and
violates, and from the other side caused_by, mitigated_by, required_by,
evidenced_by, duplicated_by, followed_by and violated_by.`,
	}
	if remove {
		command = &cobra.Command{Use: "unlink REF RELATION REF", Short: "Remove a link; its history stays"}
	}
	command.Args = args(3, 3)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		return p.about(cmd.Context(), given[0], func(s *surface.System, kind *record.Kind, id string) error {
			change := s.LinkRecord
			if remove {
				change = s.UnlinkRecord
			}
			link, err := change(cmd.Context(), caller(), kind, id, given[1], given[2])
			if err != nil {
				return err
			}
			return p.print(link, func(w io.Writer) {
				printf(w, "%s\n  %s %s\n  %s by %s\n", link.From, link.Relation, link.To, link.State, link.By)
			})
		})
	}
	return command
}

func (p *program) recordComment() *cobra.Command {
	return &cobra.Command{
		Use: "comment REF TEXT", Short: "Say something about a record; it stays as it was said",
		Args: args(2, 2),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.about(cmd.Context(), given[0], func(s *surface.System, kind *record.Kind, id string) error {
				comment, err := s.CommentRecord(cmd.Context(), caller(), kind, id, given[1])
				if err != nil {
					return err
				}
				return p.print(comment, func(w io.Writer) { printf(w, "%s: comment %s by %s\n", comment.Ref, comment.ID, comment.By) })
			})
		},
	}
}

func (p *program) recordAttach() *cobra.Command {
	var name, media string
	command := &cobra.Command{
		Use: "attach REF FILE", Short: "Attach a file of at most 25 MiB to a record",
		Args: args(2, 2),
		RunE: func(cmd *cobra.Command, given []string) error {
			content, err := os.Open(given[1])
			if err != nil {
				return err
			}
			defer content.Close()
			if name == "" {
				name = filepath.Base(given[1])
			}
			return p.about(cmd.Context(), given[0], func(s *surface.System, kind *record.Kind, id string) error {
				file, err := s.AttachFile(cmd.Context(), caller(), kind, id, name, media, content)
				if err != nil {
					return err
				}
				return p.print(file, func(w io.Writer) { printFile(w, *file) })
			})
		},
	}
	command.Flags().StringVar(&name, "name", "", "the file's name (default: that of FILE)")
	command.Flags().StringVar(&media, "type", "", "its media type (default: found out from its bytes)")
	return command
}

func printFile(w io.Writer, f attached.File) {
	printf(w, "%s  %s\n  %s  %d bytes\n  sha256 %s\n", f.ID, shorten(f.Name, 40), f.Type, f.Size, f.SHA256)
}

func (p *program) recordAttachments() *cobra.Command {
	var save, remove, output string
	command := &cobra.Command{
		Use: "attachments REF [--save ID -o FILE] [--remove ID]", Short: "List the files of a record, save one, or take one off",
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			switch {
			case save != "" && (output == "" || remove != ""):
				return usagef("--save ID needs -o FILE, and goes without --remove")
			case save != "":
				return p.about(cmd.Context(), given[0], func(s *surface.System, kind *record.Kind, id string) error {
					return p.saveFile(cmd.Context(), s, kind, id, save, output)
				})
			case remove != "":
				return p.about(cmd.Context(), given[0], func(s *surface.System, kind *record.Kind, id string) error {
					file, err := s.DetachFile(cmd.Context(), caller(), kind, id, remove)
					if err != nil {
						return err
					}
					return p.print(file, func(w io.Writer) { printf(w, "%s is taken off %s; its history stays\n", file.Name, file.Ref) })
				})
			}
			return p.withAttached(cmd.Context(), given[0], func(all *surface.Attached) error {
				return p.print(map[string]any{"attachments": all.Attachments}, func(w io.Writer) {
					for _, file := range all.Attachments {
						printFile(w, file)
					}
				})
			})
		},
	}
	command.Flags().StringVar(&save, "save", "", "id of the file to save")
	command.Flags().StringVarP(&output, "output", "o", "", "where to save it")
	command.Flags().StringVar(&remove, "remove", "", "id of the file to take off")
	return command
}

func (p *program) saveFile(ctx context.Context, s *surface.System, kind *record.Kind, id, file, output string) error {
	found, content, err := s.OpenFile(ctx, caller(), kind, id, file)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	if err := replace(output, func(to io.Writer) error {
		_, err := io.Copy(to, content)
		return err
	}); err != nil {
		return err
	}
	return p.print(found, func(w io.Writer) { printf(w, "%s saved as %s\n", found.Name, output) })
}

// withAttached reads what is attached to a record.
func (p *program) withAttached(ctx context.Context, ref string, work func(*surface.Attached) error) error {
	return p.reading(ctx, ref, func(s *surface.System) error {
		kind, id, err := s.Kinds.Parse(ref)
		if err != nil {
			return err
		}
		if err := s.ViewRecords(ctx, caller(), kind, id, nil); err != nil {
			return err
		}
		all, err := s.Attached(ctx, kind, id)
		if err != nil {
			return err
		}
		return work(all)
	})
}

func (p *program) recordTag(remove bool) *cobra.Command {
	command := &cobra.Command{Use: "tag REF TAG...", Short: "Tag a record"}
	if remove {
		command = &cobra.Command{Use: "untag REF TAG...", Short: "Take tags off a record"}
	}
	command.Args = args(2, -1)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		return p.about(cmd.Context(), given[0], func(s *surface.System, kind *record.Kind, id string) error {
			add, off := given[1:], []string(nil)
			if remove {
				add, off = nil, given[1:]
			}
			tags, err := s.TagRecord(cmd.Context(), caller(), kind, id, add, off)
			if err != nil {
				return err
			}
			return p.print(tags, func(w io.Writer) { printf(w, "%s: %s\n", tags.ID, strings.Join(tags.Tags, ", ")) })
		})
	}
	return command
}

func (p *program) recordExpired() *cobra.Command {
	return &cobra.Command{
		Use: "expired REGISTER", Short: "List the records that are past their retention",
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.reading(cmd.Context(), given[0], func(s *surface.System) error {
				kind, err := s.Kinds.Find(given[0])
				if err != nil {
					return err
				}
				if err := s.ViewRecords(cmd.Context(), caller(), kind, "", nil); err != nil {
					return err
				}
				expired, err := s.ExpiredRecords(cmd.Context(), kind)
				if err != nil {
					return err
				}
				return printAll(p, expired, "No record is past its retention.", func(w io.Writer, one attached.Expired) {
					printf(w, "%s  since %s\n", one.Ref, one.ExpiredAt.UTC().Format("2006-01-02"))
				})
			})
		},
	}
}

func (p *program) recordDispose() *cobra.Command {
	var reason string
	command := &cobra.Command{
		Use: "dispose REF --reason TEXT", Short: "Record that a record past its retention is no longer kept",
		Long: `Record that a record past its retention is no longer kept, and why. It is no longer
listed by scaf record expired. What is in the ledger stays there.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.about(cmd.Context(), given[0], func(s *surface.System, kind *record.Kind, id string) error {
				disposal, err := s.DisposeRecord(cmd.Context(), caller(), kind, id, reason)
				if err != nil {
					return err
				}
				return p.print(disposal, func(w io.Writer) { printf(w, "%s: disposed of by %s\n", disposal.ID, disposal.By) })
			})
		},
	}
	command.Flags().StringVar(&reason, "reason", "", "why it is no longer kept")
	return command
}
