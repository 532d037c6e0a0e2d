package recordtest

import (
	"context"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
)

func (x *exercise) attached() {
	ref := x.add(nil).Ref()
	other := x.add(nil).Ref()
	var file *attached.File
	err := x.as(somebody, func(tx *act.Tx) error {
		if _, err := attached.AddLink(tx, x.kinds, ref, "mitigates", other); err != nil {
			return err
		}
		if _, err := attached.AddComment(tx, x.kinds, ref, "What was agreed."); err != nil {
			return err
		}
		if _, err := attached.ChangeTags(tx, x.kinds, ref, []string{"b", "a"}, nil); err != nil {
			return err
		}
		var err error
		file, err = attached.AttachFile(tx, x.kinds, attached.File{Ref: ref, Name: "report.pdf", Type: "application/pdf", Size: 3, SHA256: strings.Repeat("0", 64)})
		return err
	})
	if err != nil {
		x.Fatal(err)
	}
	for name, bad := range map[string]func(*act.Tx) error{
		"a link to nothing": func(tx *act.Tx) error {
			_, err := attached.AddLink(tx, x.kinds, ref, "mitigates", x.Kind.Name+"/none")
			return err
		},
		"a link of no relation": func(tx *act.Tx) error { _, err := attached.AddLink(tx, x.kinds, ref, "likes", other); return err },
		"the same link again": func(tx *act.Tx) error {
			_, err := attached.AddLink(tx, x.kinds, other, "mitigated_by", ref)
			return err
		},
		"a link to itself": func(tx *act.Tx) error { _, err := attached.AddLink(tx, x.kinds, ref, "causes", ref); return err },
		"an empty comment": func(tx *act.Tx) error { _, err := attached.AddComment(tx, x.kinds, ref, " "); return err },
		"a comment on nothing": func(tx *act.Tx) error {
			_, err := attached.AddComment(tx, x.kinds, x.Kind.Name+"/none", "x")
			return err
		},
		"a tag that is none": func(tx *act.Tx) error {
			_, err := attached.ChangeTags(tx, x.kinds, ref, []string{"Not A Tag"}, nil)
			return err
		},
		"a tag that is not there": func(tx *act.Tx) error {
			_, err := attached.ChangeTags(tx, x.kinds, ref, nil, []string{"c"})
			return err
		},
		"a path as a name": func(tx *act.Tx) error {
			_, err := attached.AttachFile(tx, x.kinds, attached.File{Ref: ref, Name: "../x", Type: "a/b", Size: 1})
			return err
		},
		"a file of no size": func(tx *act.Tx) error {
			_, err := attached.AttachFile(tx, x.kinds, attached.File{Ref: ref, Name: "x", Type: "a/b"})
			return err
		},
		"a file of another record": func(tx *act.Tx) error { _, err := attached.RemoveFile(tx, other, file.ID); return err },
		"a link that is not there": func(tx *act.Tx) error { _, err := attached.RemoveLink(tx, other, "mitigates", ref); return err },
		"disposing of what is kept": func(tx *act.Tx) error {
			_, err := attached.Dispose(tx, x.Kind, strings.TrimPrefix(ref, x.Kind.Name+"/"), "why")
			return err
		},
	} {
		if err := x.as(somebody, bad); err == nil {
			x.Errorf("%s is taken", name)
		}
	}
	x.attachedAre(ref, other, 1)
	x.attachedAre(other, ref, 0)
	if err := x.as(somebody, func(tx *act.Tx) error {
		if _, err := attached.RemoveLink(tx, other, "mitigated_by", ref); err != nil {
			return err
		}
		_, err := attached.RemoveFile(tx, ref, file.ID)
		return err
	}); err != nil {
		x.Fatal(err)
	}
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
		links, err := attached.LinksOf(r, ref)
		if err != nil || len(links) != 0 {
			x.Errorf("links %+v %v", links, err)
		}
		files, err := attached.FilesOf(r, ref)
		if err != nil || len(files) != 0 {
			x.Errorf("files %+v %v", files, err)
		}
		// Nothing is erased in silence: both versions are there.
		history, err := record.History(r, attached.Files.Name, file.ID)
		if len(history) != 2 {
			x.Errorf("a removed file has %d versions (%v)", len(history), err)
		}
		return err
	}); err != nil {
		x.Fatal(err)
	}
}

// attachedAre reads what is attached to a record from its side.
func (x *exercise) attachedAre(ref, other string, comments int) {
	x.Helper()
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
		links, err := attached.LinksOf(r, ref)
		if err != nil || len(links) != 1 || links[0].Record != other || links[0].Relation != map[int]string{1: "mitigates", 0: "mitigated_by"}[comments] {
			x.Errorf("links of %s: %+v %v", ref, links, err)
		}
		said, err := attached.CommentsOf(r, ref)
		if err != nil || len(said) != comments {
			x.Errorf("comments on %s: %+v %v", ref, said, err)
		}
		tags, err := attached.TagsOf(r, ref)
		if err != nil || len(tags) != 2*comments || comments > 0 && tags[0] != "a" {
			x.Errorf("tags of %s: %v %v", ref, tags, err)
		}
		return nil
	}); err != nil {
		x.Fatal(err)
	}
}
