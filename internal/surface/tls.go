package surface

import "net/http"

// OverTLS reports whether a request came over TLS, to this program or to a proxy in front of it
// that says so (X-Forwarded-Proto): cookies are for TLS only then.
func OverTLS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}
