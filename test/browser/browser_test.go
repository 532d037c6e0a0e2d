package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	printing "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long one step in the browser may take: much longer than it
// does, on a machine that does something else as well.
const patience = time.Minute

// chromium is the browser of all tests. It ends with the test process, kill -9
// included: chromedp speaks to it through a pipe.
var chromium context.Context

func startBrowser() error {
	binary, err := findBrowser()
	if err != nil {
		return err
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(binary),
		chromedp.UserDataDir(filepath.Join(scratch, "chromium")),
		chromedp.DisableGPU,
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("disable-component-update", true),
		// Nothing but this machine is reached, whatever a page or the browser wants.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has none for root
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, endContext := chromedp.NewContext(allocator)
	if err := begin(ctx, endContext); err != nil {
		endAllocator()
		return fmt.Errorf("start %s: %w", binary, err)
	}
	chromium = ctx
	endings = append(endings, func() error {
		endContext()
		endAllocator()
		return nil
	})
	return nil
}

// begin does the first action of a browser or tab, which lives as long as that
// action's context: it can have no deadline, and is ended instead.
func begin(ctx context.Context, cancel context.CancelFunc) error {
	late := time.AfterFunc(patience, cancel)
	defer late.Stop()
	return chromedp.Do(ctx)
}

func findBrowser() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no chromium, chromium-browser or google-chrome in PATH: make install-deps installs one")
}

// tab is a window of somebody who shares no cookies with others. It writes down
// what a page must not do.
type tab struct {
	t    *testing.T
	ctx  context.Context
	site *site

	mu     sync.Mutex
	wrongs []string
	bytes  int64 // of the page with all that it loads
	status int64 // of the document
}

// open opens a tab.
func (s *site) open(t *testing.T) *tab {
	t.Helper()
	v := &tab{t: t, site: s}
	ctx, cancel := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext(), chromedp.WithListener(v.watch))
	t.Cleanup(cancel)
	v.ctx = ctx
	if err := begin(ctx, cancel); err != nil {
		t.Fatal(err)
	}
	v.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		// A tab in the background keeps its focus, as if its window were in front.
		_, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		_, err2 := cdp.Call(ctx, target, audits.Enable, cdp.Empty{})
		return errors.Join(err, err2)
	}))
	v.see(looks[0])
	return v
}

// watch takes what the browser says about the page.
func (v *tab) watch(event any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	wrong := func(format string, args ...any) { v.wrongs = append(v.wrongs, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Type == network.ResourceTypeDocument {
			v.bytes = 0
		}
		if to, err := url.Parse(e.Request.URL); err != nil || to.Scheme != "data" && to.Scheme+"://"+to.Host != v.site.url {
			wrong("it asks another host: %s", e.Request.URL)
		}
	case *network.EventDataReceived:
		v.bytes += e.DataLength
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			v.status = e.Response.Status
		} else if e.Response.Status >= 400 {
			wrong("%s is answered with %d", e.Response.URL, e.Response.Status)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			wrong("something cannot be loaded: %s %s", e.ErrorText, e.BlockedReason)
		}
	case *log.EventEntryAdded:
		// What the network says is known from its own events, and a page may be an error.
		if e.Entry.Source != log.EntrySourceNetwork && (e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning) {
			wrong("%s %s: %s", e.Entry.Source, e.Entry.Level, e.Entry.Text)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			wrong("console: %s", e.Args[0].Value)
		}
	case *runtime.EventExceptionThrown:
		wrong("exception: %s", e.ExceptionDetails.Text)
	case *audits.EventIssueAdded:
		if d := e.Issue.Details; d != nil && d.ContentSecurityPolicyIssueDetails != nil {
			c := d.ContentSecurityPolicyIssueDetails
			wrong("the content security policy refuses %s (%s)", c.BlockedURL, c.ViolatedDirective)
		} else {
			wrong("the browser names an issue: %s", e.Issue.Code)
		}
	}
}

// told takes what was written down since it was asked last.
func (v *tab) told() (wrongs []string, bytes int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	wrongs, v.wrongs = v.wrongs, nil
	return wrongs, v.bytes
}

// in runs an action in a tab, and ends the test when it fails.
func in[T any](v *tab, action chromedp.Action[T]) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		at, _ := chromedp.Run(v.ctx, chromedp.Location())
		v.t.Fatalf("at %s: %v", at, err)
	}
	return result
}

func (v *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	in(v, chromedp.Steps(actions...))
}

// loads does something that brings another page, waits for it, and returns its
// status.
func (v *tab) loads(actions ...chromedp.Action[chromedp.Void]) int64 {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, actions...)
	if err != nil {
		v.t.Fatal(err)
	}
	return response.Status
}

// goes opens a path of the site, or a whole address, and returns the status.
func (v *tab) goes(to string) int64 {
	v.t.Helper()
	status, file := v.opens(to)
	if file {
		v.t.Fatalf("%s is no page, but a file", to)
	}
	return status
}

// opens is goes for what may be a file that the browser would keep: the page
// stays then.
func (v *tab) opens(to string) (status int64, file bool) {
	v.t.Helper()
	if strings.HasPrefix(to, "/") {
		to = v.site.url + to
	}
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	response, err := chromedp.Run(ctx, chromedp.NavigateResponse(to))
	if load := new(chromedp.LoadError); errors.As(err, &load) && load.ErrorText == "net::ERR_ABORTED" {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.status, true
	}
	if err != nil || response == nil {
		v.t.Fatalf("%s: no answer: %v", to, err)
	}
	return response.Status, false
}

// path is where the tab is.
func (v *tab) path() string {
	v.t.Helper()
	return strings.TrimPrefix(in(v, chromedp.Location()), v.site.url)
}

// heading is the page's.
func (v *tab) heading() string {
	v.t.Helper()
	return in(v, chromedp.Text(chromedp.CSS("h1")))
}

// at checks which page this is.
func (v *tab) at(path, heading string) {
	v.t.Helper()
	if p, h := v.path(), v.heading(); p != path || h != heading {
		v.t.Fatalf("the page is %q at %s, want %q at %s", h, p, heading, path)
	}
}

// signs opens a tab of somebody, who signs in.
func (s *site) signs(t *testing.T, id string) *tab {
	t.Helper()
	v := s.open(t)
	v.goes("/signin")
	v.loads(
		chromedp.SendKeys(chromedp.ID("id"), id),
		chromedp.SendKeys(chromedp.ID("password"), password+"\r"),
	)
	if p := v.path(); strings.HasPrefix(p, "/signin") {
		t.Fatalf("%s does not come in: %s", id, in(v, chromedp.Text(chromedp.CSS("main"))))
	}
	return v
}

// view is what a person sees a page with.
type view struct {
	name          string
	scheme        string
	width, height int64
	media         string // print, or what a screen shows
}

var looks = []view{
	{name: "light", scheme: "light", width: 1280, height: 900},
	{name: "dark", scheme: "dark", width: 1280, height: 900},
	{name: "phone", scheme: "light", width: 390, height: 844},
}

// paper is a page as it is printed: A4, of which the browser shows one long sheet.
var paper = view{name: "print", scheme: "light", width: 794, height: 1123, media: "print"}

// see changes how the tab shows pages.
func (v *tab) see(l view) {
	v.t.Helper()
	v.do(chromedp.EmulateViewport(l.width, l.height), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: l.media, Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: l.scheme},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}))
}

// picture is the whole page as PNG.
func (v *tab) picture(name string) {
	v.t.Helper()
	file := filepath.Join(*into, name+".png")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, in(v, chromedp.FullScreenshot(100)), 0o644)); err != nil {
		v.t.Fatal(err)
	}
}

// prints is the page as a PDF of A4, in a file where it has a name.
func (v *tab) prints(name string) []byte {
	v.t.Helper()
	const inch = 25.4
	var sheet []byte
	v.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		got, err := cdp.Call(ctx, target, printing.PrintToPDF, printing.PrintToPDFParams{PrintBackground: new(true), PaperWidth: 210 / inch, PaperHeight: 297 / inch})
		if err == nil {
			sheet = got.Data
		}
		return err
	}))
	if name != "" {
		file := filepath.Join(*into, name+".pdf")
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, sheet, 0o644)); err != nil {
			v.t.Fatal(err)
		}
	}
	return sheet
}
