package surface

import (
	"context"
	"errors"
	"fmt"
	"io"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/media"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
)

// LinkRecord links a record to another one. The caller needs <kind>.link, and
// may read the other one.
func (s *System) LinkRecord(ctx context.Context, caller act.Caller, kind *record.Kind, id, relation, to string) (link *attached.Link, err error) {
	other, otherID, err := s.Kinds.Parse(to)
	if err != nil {
		return nil, err
	}
	if err := s.ViewRecords(ctx, caller, other, otherID, nil); err != nil {
		return nil, err
	}
	from := kind.Name + "/" + id
	_, err = s.Door.Do(ctx, caller, kind.Name+".link", from, func(tx *act.Tx) (err error) {
		link, err = attached.AddLink(tx, s.Kinds, from, relation, other.Name+"/"+otherID)
		return err
	})
	return link, err
}

// UnlinkRecord removes a link of a record, named from its side.
func (s *System) UnlinkRecord(ctx context.Context, caller act.Caller, kind *record.Kind, id, relation, to string) (link *attached.Link, err error) {
	from := kind.Name + "/" + id
	_, err = s.Door.Do(ctx, caller, kind.Name+".link", from, func(tx *act.Tx) (err error) {
		link, err = attached.RemoveLink(tx, from, relation, to)
		return err
	})
	return link, err
}

// CommentRecord says something about a record.
func (s *System) CommentRecord(ctx context.Context, caller act.Caller, kind *record.Kind, id, text string) (comment *attached.Comment, err error) {
	ref := kind.Name + "/" + id
	_, err = s.Door.Do(ctx, caller, kind.Name+".comment", ref, func(tx *act.Tx) (err error) {
		comment, err = attached.AddComment(tx, s.Kinds, ref, text)
		return err
	})
	return comment, err
}

// AttachFile stores a file and attaches it to a record. Of one that is larger
// than attached.MaxFile, or that is refused by what it holds (media.Look), nothing is
// kept. An empty media type is that of what it holds.
func (s *System) AttachFile(ctx context.Context, caller act.Caller, kind *record.Kind, id, name, kept string, content io.Reader) (file *attached.File, err error) {
	ref := kind.Name + "/" + id
	if err := s.Allow(ctx, caller, kind.Name+".attach", ref); err != nil {
		return nil, err
	}
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		_, err := record.Get(r, kind.Name, id)
		return err
	}); err != nil {
		return nil, err
	}
	stored, err := s.storeFile(ctx, ref, name, content)
	if err != nil {
		return nil, err
	}
	if kept != "" {
		stored.Type = kept
	}
	_, err = s.Door.Do(ctx, caller, kind.Name+".attach", ref, func(tx *act.Tx) (err error) {
		file, err = attached.AttachFile(tx, s.Kinds, *stored)
		return err
	})
	return file, err
}

// storeFile keeps the bytes of a file that is to be attached to a record.
func (s *System) storeFile(ctx context.Context, ref, name string, content io.Reader) (*attached.File, error) {
	found, content, err := media.Look(name, content)
	if err != nil {
		return nil, record.Refuse("file", "%v", err)
	}
	hash, size, err := s.Blobs.Put(ctx, &measured{from: content})
	return &attached.File{Ref: ref, Name: name, Type: found, Size: size, SHA256: hash}, err
}

// measured reads up to the most that a file may have.
type measured struct {
	from io.Reader
	read int64
}

// Read implements io.Reader.
func (m *measured) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	m.read += int64(n)
	if m.read > attached.MaxFile {
		return 0, fmt.Errorf("%w: a file has at most %d bytes", attached.ErrRefused, attached.MaxFile)
	}
	return n, err
}

// DetachFile takes a file off its record.
func (s *System) DetachFile(ctx context.Context, caller act.Caller, kind *record.Kind, id, file string) (removed *attached.File, err error) {
	ref := kind.Name + "/" + id
	_, err = s.Door.Do(ctx, caller, kind.Name+".attach", ref, func(tx *act.Tx) (err error) {
		removed, err = attached.RemoveFile(tx, ref, file)
		return err
	})
	return removed, err
}

// OpenFile opens an attached file. The reading is recorded, of every register.
func (s *System) OpenFile(ctx context.Context, caller act.Caller, kind *record.Kind, id, file string) (*attached.File, io.ReadCloser, error) {
	ref := kind.Name + "/" + id
	action := "record.read"
	if kind.Personal {
		action = kind.Name + ".read"
	}
	if s.Door == nil {
		return nil, nil, fmt.Errorf("%w: reading a file is recorded, and the folder is open for reading only", act.ErrDenied)
	}
	if err := s.Door.View(ctx, caller, action, ref, map[string]string{"file": file}); err != nil {
		return nil, nil, err
	}
	var found *attached.File
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		found, err = attached.FileOf(r, ref, file)
		return err
	}); err != nil {
		return nil, nil, err
	}
	content, err := s.Blobs.Open(ctx, found.SHA256)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("the file %s of %s", found.Name, ref), err)
	}
	return found, content, nil
}

// TagRecord adds and removes tags of a record.
func (s *System) TagRecord(ctx context.Context, caller act.Caller, kind *record.Kind, id string, add, remove []string) (tags *attached.Tagging, err error) {
	ref := kind.Name + "/" + id
	_, err = s.Door.Do(ctx, caller, kind.Name+".tag", ref, func(tx *act.Tx) (err error) {
		tags, err = attached.ChangeTags(tx, s.Kinds, ref, add, remove)
		return err
	})
	return tags, err
}

// DisposeRecord records that a record past its retention is no longer kept.
func (s *System) DisposeRecord(ctx context.Context, caller act.Caller, kind *record.Kind, id, reason string) (disposal *attached.Disposal, err error) {
	_, err = s.Door.Do(ctx, caller, kind.Name+".dispose", kind.Name+"/"+id, func(tx *act.Tx) (err error) {
		disposal, err = attached.Dispose(tx, kind, id, reason)
		return err
	})
	return disposal, err
}

// ExpiredRecords are the records of a register that are past their retention.
// Whoever calls it has asked whether they may be read.
func (s *System) ExpiredRecords(ctx context.Context, kind *record.Kind) (expired []attached.Expired, err error) {
	err = s.DB.Read(ctx, func(r *store.Reader) (err error) {
		expired, err = attached.ExpiredOf(r, kind, s.Clock.Now())
		return err
	})
	return expired, err
}

// Attached is what is attached to a record.
type Attached struct {
	Links       []attached.Related `json:"links"`
	Comments    []attached.Comment `json:"comments"`
	Attachments []attached.File    `json:"attachments"`
	Tags        []string           `json:"tags"`
}

// Attached reads what is attached to a record, which has to exist. Whoever
// calls it has asked whether the record may be read.
func (s *System) Attached(ctx context.Context, kind *record.Kind, id string) (*Attached, error) {
	all := &Attached{}
	ref := kind.Name + "/" + id
	return all, s.DB.Read(ctx, func(r *store.Reader) error {
		_, err := record.Get(r, kind.Name, id)
		if err == nil {
			all.Links, err = attached.LinksOf(r, ref)
		}
		if err == nil {
			all.Comments, err = attached.CommentsOf(r, ref)
		}
		if err == nil {
			all.Attachments, err = attached.FilesOf(r, ref)
		}
		if err == nil {
			all.Tags, err = attached.TagsOf(r, ref)
		}
		return err
	})
}
