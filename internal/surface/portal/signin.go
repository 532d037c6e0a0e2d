package portal

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/accounts"
)

// signing is what the forms of accounts show: what was typed is kept, but for
// passwords.
type signing struct {
	ID, Name, To, Token string
	Wrong               string
	Changed             bool // the password was, just now
	// Kept are the fields of a form that somebody filled in before the session ended,
	// Again is where it is sent.
	Kept  []kept
	Again string
}

const (
	signInPath  = "/signin"
	accountPath = "/account"
	// passwordPath is where the form of a new password is sent.
	passwordPath = accountPath + "/password"
	changedPath  = accountPath + "?changed=yes"
)

// within is where to go after signing in: a page of this portal, whatever a link
// says.
func within(to string) string {
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") { // to browsers \ is /, wherever a path is cleaned to begin with it
		return "/"
	}
	return to
}

func (p *Portal) signInForm(r *request) (*shown, error) {
	to := within(r.URL.Query().Get("to"))
	if r.session != nil {
		return &shown{to: landing(r.caller, to)}, nil
	}
	return &shown{page: "signin", title: "Sign in", data: signing{To: to, Changed: r.URL.Query().Has("changed")}}, nil
}

func (p *Portal) signIn(r *request) (*shown, error) {
	form := signing{ID: r.PostFormValue("id"), To: within(r.PostFormValue("to")), Kept: carried(r.PostForm)}
	if again := r.PostFormValue("again"); again != "" {
		form.Again = within(again)
	}
	secret, session, err := accounts.SignIn(r.Context(), p.System.Door, form.ID, r.PostFormValue("password"))
	if errors.Is(err, accounts.ErrSignIn) || errors.Is(err, accounts.ErrOneTimeEnded) {
		form.Wrong = sentence(err)
		return &shown{page: "signin", title: "Sign in", status: http.StatusUnauthorized, data: form}, nil
	}
	if errors.Is(err, accounts.ErrBusy) {
		form.Wrong = sentence(err)
		return &shown{page: "signin", title: "Sign in", status: http.StatusServiceUnavailable, data: form}, nil
	}
	if isAway(err) {
		p.Log.Error("nobody can sign in", "error", err)
		form.Wrong = whyAway(err) + " Nobody can sign in while it lasts: try again in a moment."
		return &shown{page: "signin", title: "Sign in", status: http.StatusServiceUnavailable, data: form}, nil
	}
	if err != nil {
		return nil, err
	}
	answer := &shown{to: landing(session.Caller(), form.To), cookie: cookie(r.Request, surface.SessionCookie, secret, int(accounts.Lifetime.Seconds()))}
	if form.Again != "" {
		answer.to, answer.next = "", resume(r, session, form)
	}
	return answer, nil
}

// cookie is the session's, for as many seconds; less than none: it goes.
func cookie(r *http.Request, name, value string, seconds int) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // G124: plain HTTP is spoken to this machine only, and Secure cookies would not come back
		Name: name, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: surface.OverTLS(r),
	}
}

// landing is where somebody goes who has signed in: to the first page that they may
// open, where they asked for none.
func landing(caller act.Caller, to string) string {
	if to == "/" {
		return home(caller).Path
	}
	return to
}

func (p *Portal) signOut(r *request) (*shown, error) {
	if err := accounts.SignOut(r.Context(), p.System.Door, r.session); err != nil {
		return nil, err
	}
	return &shown{to: "/signin", cookie: cookie(r.Request, surface.SessionCookie, "", -1)}, nil
}

func (p *Portal) setUpForm(r *request) (*shown, error) {
	token := r.URL.Query().Get("token")
	if !p.maySetUp(token) {
		return nil, errNotFound
	}
	return &shown{page: "setup", title: "Set up SCAF", data: signing{Token: token}}, nil
}

func (p *Portal) firstAccount(r *request) (*shown, error) {
	form := signing{ID: r.PostFormValue("id"), Name: r.PostFormValue("name"), Token: r.PostFormValue("token")}
	if !p.maySetUp(form.Token) {
		return nil, errNotFound
	}
	_, err := accounts.First(r.Context(), p.System.Door, accounts.Account{ID: form.ID, Name: form.Name}, r.PostFormValue("password"))
	switch {
	case errors.Is(err, accounts.ErrInvalid):
		form.Wrong = sentence(err)
		return &shown{page: "setup", title: "Set up SCAF", status: http.StatusUnprocessableEntity, data: form}, nil
	case isAway(err):
		p.Log.Error("nobody can set up", "error", err)
		form.Wrong = whyAway(err) + " Try again in a moment; passwords are not kept."
		return &shown{page: "setup", title: "Set up SCAF", status: http.StatusServiceUnavailable, data: form}, nil
	case errors.Is(err, accounts.ErrSetUp):
		p.doneSettingUp()
		return nil, errNotFound
	case err != nil:
		return nil, err
	}
	p.doneSettingUp()
	return p.signIn(r)
}

func (p *Portal) account(r *request) (*shown, error) {
	return &shown{page: "account", title: "My account", data: signing{To: within(r.URL.Query().Get("to")), Changed: r.URL.Query().Has("changed")}}, nil
}

// passwordChanged is where somebody goes whose form of a new password was taken when it was
// sent first; nil: it was not. The session goes on with another secret then, which the
// browser has where it read that answer.
func (p *Portal) passwordChanged(r *request, account string) (*shown, error) {
	if r.wish == "" {
		return nil, nil //nolint:nilnil // it is no form of a page
	}
	var done *act.RepeatedError
	err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		a, _, err := accounts.Get(reader, account)
		if errors.Is(err, record.ErrNone) {
			return nil
		}
		if err == nil {
			done, err = act.CameOf(reader, a.Caller(), r.wish)
		}
		return err
	})
	if err != nil || done == nil {
		return nil, err
	}
	return &shown{to: signInPath + "?" + url.Values{"changed": {"yes"}, "to": {changedPath}}.Encode()}, nil
}

// sentTwice is passwordChanged of a form that comes after the session's secret has changed:
// its token is that of before.
func (p *Portal) sentTwice(w http.ResponseWriter, r *request, line route) (*shown, error) {
	if line.path != passwordPath || r.Method != http.MethodPost {
		return nil, nil //nolint:nilnil // it is another form
	}
	if r.PostForm == nil {
		if err := r.read(w, line); err != nil || r.held != nil {
			r.held = nil
			return nil, err
		}
		if err := r.mark(); err != nil {
			return nil, err
		}
	}
	return p.passwordChanged(r, r.PostForm.Get("id"))
}

// changePassword goes on to where somebody wanted to go, who had to choose a password
// first.
func (p *Portal) changePassword(r *request) (*shown, error) {
	to := within(r.PostFormValue("to"))
	secret, err := accounts.ChangePassword(r.once, p.System.Door, r.session, r.PostFormValue("present"), r.PostFormValue("password"))
	if err != nil { // the button was pressed twice, and the first time it is changed
		if done, err := p.passwordChanged(r, r.session.Account.ID); done != nil || err != nil {
			return done, err
		}
	}
	if errors.Is(err, accounts.ErrInvalid) {
		return &shown{page: "account", title: "My account", status: http.StatusUnprocessableEntity, data: signing{To: to, Wrong: sentence(err)}}, nil
	}
	if err != nil {
		return nil, err
	}
	if to = landing(r.caller, to); !r.session.Account.OneTime {
		to = changedPath
	}
	return &shown{to: to, cookie: cookie(r.Request, surface.SessionCookie, secret, int(r.session.Ends.Sub(p.System.Clock.Now()).Seconds()))}, nil
}

// sentence is an error's own words.
func sentence(err error) string {
	text := strings.TrimPrefix(err.Error(), accounts.ErrInvalid.Error()+": ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
