package portal

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
)

// formField is what forms carry beside what people type: the token of the session, and
// after a point the word that this page has and no other.
const formField = "form"

// formPart is one of the two.
func (r *request) formPart(which int) string {
	session, page, _ := strings.Cut(r.PostFormValue(formField), ".")
	return []string{session, page}[which]
}

// mark makes the context in which what a form asks for is done once: the same form of
// the same page, sent twice, is the same wish. With something else in it, it is another one.
func (r *request) mark() error {
	r.once = r.Context()
	if r.Method != http.MethodPost || r.formPart(1) == "" {
		return nil
	}
	sum := sha256.New()
	_, _ = fmt.Fprintf(sum, "%s\x00%s\x00", r.URL.Path, r.PostForm.Encode()) // a hash takes everything
	if r.MultipartForm != nil {
		for _, name := range slices.Sorted(maps.Keys(r.MultipartForm.File)) {
			for _, header := range r.MultipartForm.File[name] {
				file, err := header.Open()
				if err != nil {
					return err
				}
				_, _ = fmt.Fprintf(sum, "%s\x00%s\x00%d\x00", name, header.Filename, header.Size)
				_, err = io.Copy(sum, file)
				_ = file.Close() // it was read
				if err != nil {
					return err
				}
			}
		}
	}
	r.once = act.Once(r.Context(), hex.EncodeToString(sum.Sum(nil)))
	return nil
}

// came is the page of what came of a form when it was sent first.
func (p *Portal) came(r *request, done *act.RepeatedError) string {
	if id := r.PathValue("id"); r.kind != nil && id != "" {
		return at(r.kind, id)
	}
	if to := p.page(done.Subject); to != "" && (r.kind != nil || p.opens(r, to)) {
		return to
	}
	return path.Dir(r.URL.Path)
}
