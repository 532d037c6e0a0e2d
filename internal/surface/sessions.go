package surface

import (
	"net/http"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/accounts"
)

// SessionCookie is the cookie that holds a session's secret.
const SessionCookie = "scaf_session"

// SessionOf is the session that a request's cookie stands for. It is looked up
// each time, so that what has ended does so at once. accounts.ErrSession when
// there is none.
func (s *System) SessionOf(r *http.Request) (session *accounts.Session, err error) {
	cookie, err := r.Cookie(SessionCookie)
	if err != nil || len(cookie.Value) > 200 {
		return nil, accounts.ErrSession
	}
	return session, s.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		session, err = accounts.Authenticate(reader, cookie.Value, s.Clock.Now())
		return err
	})
}
