package portal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// readFields reads a form of somebody who is not signed in: of one with a file the fields
// before it, and nothing of the file is kept.
func (r *request) readFields(w http.ResponseWriter, line route) error {
	if line.upload == 0 || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return r.read(w, line)
	}
	begun := &beginning{}
	_, _ = io.CopyN(io.Discard, io.TeeReader(r.Body, begun), maxForm+maxDrained) // what is not read ends the connection
	r.PostForm = begun.fields(r.Header.Get("Content-Type"))
	r.Form = r.PostForm
	return nil
}

// read reads a form, or a file, within its bounds.
func (r *request) read(w http.ResponseWriter, line route) error {
	if r.Method != http.MethodPost {
		return nil
	}
	if plain := strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"); plain || line.upload == 0 {
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
			r.Form, r.PostForm = url.Values{}, url.Values{}
			return nil //nolint:nilerr // it has no form's token either
		}
		limit := int64(maxForm)
		if line.path == signInPath {
			limit *= 2 // it carries other forms
		}
		return r.readForm(limit)
	}
	whole, begun := r.Body, &beginning{}
	r.Body = http.MaxBytesReader(w, io.NopCloser(io.TeeReader(whole, begun)), maxForm+line.upload)
	err := r.ParseMultipartForm(maxHeld)
	var large *http.MaxBytesError
	switch {
	case errors.Is(err, http.ErrNotMultipart):
		return nil // it has no form's token either
	case errors.As(err, &large):
		_, _ = io.CopyN(io.Discard, whole, maxDrained) // it is dropped
		r.PostForm = begun.fields(r.Header.Get("Content-Type"))
		r.Form = r.PostForm
		r.held = &held{http.StatusRequestEntityTooLarge, fmt.Sprintf("The file is too large, and was not taken: a file has at most %d MiB.", line.upload>>20)}
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", errForm, err)
	}
	return nil
}

// forget removes the files of a form that were too large for the memory.
func (r *request) forget() {
	if r.MultipartForm != nil {
		_ = r.MultipartForm.RemoveAll() // what cannot be removed goes at the next start
	}
}

// maxDrained is how much of a form that is too long is read and dropped, so that the
// browser comes to the answer.
const maxDrained = 16 << 20

// readForm reads a form of fields within a limit. Of one that is too long what fits
// is kept, and held says so.
func (r *request) readForm(limit int64) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return fmt.Errorf("%w: %w", errForm, err)
	}
	if int64(len(body)) > limit {
		_, _ = io.CopyN(io.Discard, r.Body, maxDrained) // it is dropped
		r.held = &held{http.StatusRequestEntityTooLarge, fmt.Sprintf("The form was not taken: it has more than %d bytes. What is beyond them is cut off here: shorten it, or attach it as a file.", limit)}
		body = body[:limit]
		if at := slices.Index(body[limit-2:], '%'); at >= 0 {
			body = body[:int(limit)-2+at] // half of a byte
		}
	}
	if err := r.parse(string(body)); err != nil {
		return fmt.Errorf("%w: %w", errForm, err)
	}
	return nil
}

// beginning keeps the first bytes of a form with a file: what stands before the file.
type beginning struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *beginning) Write(data []byte) (int, error) {
	b.Buffer.Write(data[:min(len(data), max(0, maxForm-b.Len()))])
	return len(data), nil
}

// fields are those of the form that stand whole in its beginning.
func (b *beginning) fields(contentType string) url.Values {
	values := url.Values{}
	_, how, err := mime.ParseMediaType(contentType)
	if err != nil {
		return values
	}
	parts := multipart.NewReader(b, how["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil || part.FileName() != "" {
			return values
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return values
		}
		values.Add(part.FormName(), strings.ToValidUTF8(string(text), ""))
	}
}

// parse takes the fields of a form.
func (r *request) parse(body string) (err error) {
	if r.PostForm, err = url.ParseQuery(body); err != nil {
		return err
	}
	if r.held != nil {
		for name, values := range r.PostForm {
			for i := range values {
				r.PostForm[name][i] = strings.ToValidUTF8(values[i], "")
			}
		}
	}
	r.Form = r.PostForm
	return nil
}
