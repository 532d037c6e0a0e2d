package portal

import (
	"context"
	"fmt"
	"strings"

	"scaf.dev/scaf/internal/record/attached"
)

// attach does what a small form on a record's page says, and goes back to it.
func attach(do func(ctx context.Context, p *Portal, r *request, id string) error) func(*Portal, *request) (*shown, error) {
	return func(p *Portal, r *request) (*shown, error) {
		id := r.PathValue("id")
		if err := do(r.once, p, r, id); err != nil {
			return p.recordWith(r, err, "")
		}
		return &shown{to: at(r.kind, id) + "#attached"}, nil
	}
}

func comment(ctx context.Context, p *Portal, r *request, id string) error {
	_, err := p.System.CommentRecord(ctx, r.caller, r.kind, id, strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n"))
	return err
}

func tag(ctx context.Context, p *Portal, r *request, id string) error {
	_, err := p.System.TagRecord(ctx, r.caller, r.kind, id, strings.Fields(strings.ReplaceAll(r.PostForm.Get("add"), ",", " ")), strings.Fields(r.PostForm.Get("remove")))
	return err
}

func link(ctx context.Context, p *Portal, r *request, id string) error {
	if r.PostForm.Get("remove") != "" {
		_, err := p.System.UnlinkRecord(ctx, r.caller, r.kind, id, r.PostForm.Get("relation"), r.PostForm.Get("to"))
		return err
	}
	_, err := p.System.LinkRecord(ctx, r.caller, r.kind, id, r.PostForm.Get("relation"), strings.TrimSpace(r.PostForm.Get("to")))
	return err
}

func upload(ctx context.Context, p *Portal, r *request, id string) error {
	file, header, err := r.FormFile("file")
	if err != nil {
		return fmt.Errorf("%w: choose a file", attached.ErrRefused)
	}
	defer func() { _ = file.Close() }() // it was read
	// The type is what the bytes are, whatever the browser calls them.
	_, err = p.System.AttachFile(ctx, r.caller, r.kind, id, header.Filename, "", file)
	return err
}

// file sends an attached file, to be saved and not to be shown.
func (p *Portal) file(r *request) (*shown, error) {
	found, content, err := p.System.OpenFile(r.Context(), r.caller, r.kind, r.PathValue("id"), r.PathValue("file"))
	if err != nil {
		return nil, err
	}
	return &shown{file: content, name: found.Name}, nil
}
