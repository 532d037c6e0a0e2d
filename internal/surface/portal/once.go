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
	"strconv"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
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
	r.wish = hex.EncodeToString(sum.Sum(nil))
	r.once = act.Once(r.Context(), r.wish)
	return nil
}

// recordedCookie has the number of the event that came of a form, for the next page to say.
const recordedCookie = "scaf_recorded"

// recorded is the cookie that makes the next page say what came of a form; nil when nothing did.
func (p *Portal) recorded(r *request) (*http.Cookie, error) {
	if r.wish == "" {
		return nil, nil //nolint:nilnil // it asked for nothing
	}
	var done *act.RepeatedError
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		done, err = act.CameOf(reader, r.caller, r.wish)
		return err
	}); err != nil || done == nil {
		return nil, err
	}
	return cookie(r.Request, recordedCookie, strconv.FormatInt(done.Index, 10), 60), nil
}

// tells takes the number of the event that the page before has led here with.
func (r *request) tells(w http.ResponseWriter) *int64 {
	given, err := r.Cookie(recordedCookie)
	if err != nil || r.session == nil || r.Method != http.MethodGet {
		return nil
	}
	http.SetCookie(w, cookie(r.Request, recordedCookie, "", -1))
	index, err := strconv.ParseInt(given.Value, 10, 64)
	if err != nil || index < 0 {
		return nil
	}
	return &index
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
