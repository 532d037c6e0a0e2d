package api

import (
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
)

// readBody reads the request's body and says of which media type it is. A type
// that the route does not take is refused before a byte is read, a body that
// is too large as soon as that is known.
func readBody(r *request) (mediaType string, body []byte, err error) {
	mediaType, _, err = mime.ParseMediaType(r.Header.Get("Content-Type"))
	limit, ok := r.route.body[mediaType]
	if err != nil || !ok {
		taken := strings.Join(slices.Sorted(maps.Keys(r.route.body)), ", ")
		return "", nil, problem(http.StatusUnsupportedMediaType, "unsupported_media_type", "the Content-Type must be one of: %s", taken).with("Accept", taken)
	}
	if r.Header.Get("Content-Encoding") != "" {
		return "", nil, problem(http.StatusUnsupportedMediaType, "unsupported_encoding", "a Content-Encoding is not taken: send the body as it is")
	}
	tooLarge := problem(http.StatusRequestEntityTooLarge, "too_large", "the body has more than %d bytes, the limit for %s", limit, mediaType)
	if r.ContentLength > limit {
		return "", nil, tooLarge
	}
	var buffer []byte
	if r.ContentLength > 0 {
		buffer = make([]byte, 0, min(r.ContentLength+1, maxBody))
	}
	body, err = appendAll(buffer, http.MaxBytesReader(r.writer, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return "", nil, tooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", nil, problem(http.StatusRequestTimeout, "timeout", "the body did not arrive in time")
	case err != nil:
		return "", nil, problem(http.StatusBadRequest, "invalid_request", "the body ended too early")
	}
	return mediaType, body, nil
}

// appendAll is io.ReadAll into a buffer.
func appendAll(buffer []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buffer) == cap(buffer) {
			buffer = append(buffer, 0)[:len(buffer)]
		}
		n, err := r.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if errors.Is(err, io.EOF) {
			return buffer, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
