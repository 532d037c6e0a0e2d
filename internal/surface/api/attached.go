package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/surface"
)

func (s *Server) registerAttached() {
	register(s, "list-links", show(s, func(a *surface.Attached) linksBody { return linksBody{a.Links} }))
	register(s, "add-link", s.addLink)
	register(s, "remove-link", s.removeLink)
	register(s, "list-comments", show(s, func(a *surface.Attached) commentsBody { return commentsBody{a.Comments} }))
	register(s, "add-comment", s.addComment)
	register(s, "list-attachments", show(s, func(a *surface.Attached) filesBody { return filesBody{a.Attachments} }))
	register(s, "add-attachment", s.addAttachment)
	register(s, "get-attachment", s.getAttachment)
	register(s, "remove-attachment", s.removeAttachment)
	register(s, "get-tags", show(s, func(a *surface.Attached) tagsBody { return tagsBody{a.Tags} }))
	register(s, "change-tags", s.changeTags)
}

type linksBody struct {
	Links []attached.Related `json:"links"`
}

type commentsBody struct {
	Comments []attached.Comment `json:"comments"`
}

type filesBody struct {
	Attachments []attached.File `json:"attachments"`
}

type tagsBody struct {
	Tags []string `json:"tags"`
}

type bodyOutput[T any] struct {
	Status int
	Body   T
}

// RecordPath names a record in a path. It is exported for huma, which passes over
// what is embedded and not.
type RecordPath struct {
	Register string `path:"register"`
	ID       string `path:"id"`
}

// show answers with a part of what is attached to a record.
func show[T any](s *Server, part func(*surface.Attached) T) func(context.Context, *RecordPath) (*bodyOutput[T], error) {
	return func(ctx context.Context, in *RecordPath) (*bodyOutput[T], error) {
		kind, err := s.System.Kinds.Find(in.Register)
		if err != nil {
			return nil, err
		}
		if err := s.System.ViewRecords(ctx, callerOf(ctx), kind, in.ID, nil); err != nil {
			return nil, err
		}
		all, err := s.System.Attached(ctx, kind, in.ID)
		if err != nil {
			return nil, err
		}
		return &bodyOutput[T]{http.StatusOK, part(all)}, nil
	}
}

// given reads the request's JSON object strictly.
func given(ctx context.Context, into any) error {
	_, body, err := readBody(requestOf(ctx))
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return problem(http.StatusBadRequest, "invalid_request", "the body cannot be read: %v", err)
	}
	return single(body)
}

// made answers with what a change made.
func made[T any](value *T, status int, err error) (*bodyOutput[*T], error) {
	if err != nil {
		return nil, err
	}
	return &bodyOutput[*T]{status, value}, nil
}

type newLink struct {
	Relation string `json:"relation" example:"follows"`
	To       string `json:"to" doc:"The other record's reference" example:"change/c1"`
}

func (s *Server) addLink(ctx context.Context, in *RecordPath) (*bodyOutput[*attached.Link], error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, err
	}
	var link newLink
	if err := given(ctx, &link); err != nil {
		return nil, err
	}
	v, err := s.System.LinkRecord(ctx, callerOf(ctx), kind, in.ID, link.Relation, link.To)
	return made(v, http.StatusCreated, err)
}

type linkInput struct {
	RecordPath
	Relation string `query:"relation" required:"true"`
	To       string `query:"to" required:"true" doc:"The other record's reference" example:"change/c1"`
}

func (s *Server) removeLink(ctx context.Context, in *linkInput) (*bodyOutput[*attached.Link], error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, err
	}
	v, err := s.System.UnlinkRecord(ctx, callerOf(ctx), kind, in.ID, in.Relation, in.To)
	return made(v, http.StatusOK, err)
}

type newComment struct {
	Text string `json:"text"`
}

func (s *Server) addComment(ctx context.Context, in *RecordPath) (*bodyOutput[*attached.Comment], error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, err
	}
	var comment newComment
	if err := given(ctx, &comment); err != nil {
		return nil, err
	}
	v, err := s.System.CommentRecord(ctx, callerOf(ctx), kind, in.ID, comment.Text)
	return made(v, http.StatusCreated, err)
}

type attachmentInput struct {
	RecordPath
	Name string `query:"name" required:"true" doc:"The file's name, without a folder"`
	Type string `query:"type" doc:"Its media type; found out from its bytes when it is not said"`
}

func (s *Server) addAttachment(ctx context.Context, in *attachmentInput) (*bodyOutput[*attached.File], error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, err
	}
	_, content, err := readBody(requestOf(ctx))
	if err != nil {
		return nil, err
	}
	v, err := s.System.AttachFile(ctx, callerOf(ctx), kind, in.ID, in.Name, in.Type, bytes.NewReader(content))
	return made(v, http.StatusCreated, err)
}

type fileInput struct {
	RecordPath
	File string `path:"file" doc:"The attachment's id"`
}

type fileOutput struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	ETag        string `header:"ETag"`
	Body        []byte
}

// getAttachment gives a file's bytes, to be saved and never shown: what
// somebody attached does not run in a browser as if it were ours. They have been
// held against their hash before the first one leaves.
func (s *Server) getAttachment(ctx context.Context, in *fileInput) (*fileOutput, error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, err
	}
	file, content, err := s.System.OpenFile(ctx, callerOf(ctx), kind, in.ID, in.File)
	if err != nil {
		return nil, err
	}
	return download(content, file.Name, file.Type, file.SHA256)
}

// download answers with a stored file and closes it.
func download(content io.ReadCloser, name, media, sha256 string) (*fileOutput, error) {
	defer func() { _ = content.Close() }()
	data, err := io.ReadAll(content)
	if err != nil {
		return nil, err
	}
	return &fileOutput{media, mime.FormatMediaType("attachment", map[string]string{"filename": name}), `"` + sha256 + `"`, data}, nil
}

func (s *Server) removeAttachment(ctx context.Context, in *fileInput) (*bodyOutput[*attached.File], error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, err
	}
	v, err := s.System.DetachFile(ctx, callerOf(ctx), kind, in.ID, in.File)
	return made(v, http.StatusOK, err)
}

type tagChange struct {
	Add    []string `json:"add,omitempty"`
	Remove []string `json:"remove,omitempty"`
}

func (s *Server) changeTags(ctx context.Context, in *RecordPath) (*bodyOutput[*attached.Tagging], error) {
	kind, err := s.System.Kinds.Find(in.Register)
	if err != nil {
		return nil, err
	}
	var change tagChange
	if err := given(ctx, &change); err != nil {
		return nil, err
	}
	v, err := s.System.TagRecord(ctx, callerOf(ctx), kind, in.ID, change.Add, change.Remove)
	return made(v, http.StatusOK, err)
}

// location is where a record is.
func location(kind *record.Kind, id string) string {
	return "/v1/records/" + kind.Register + "/" + url.PathEscape(id)
}
