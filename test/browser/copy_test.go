package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The address of a record is copied with a button; without scripts it is a link.
func TestTheAddressOfARecordIsCopied(t *testing.T) {
	t.Parallel()
	s := demonstration(t)
	v := s.signs(t, "compliance")
	for _, path := range []string{"/r/people/E1001", "/controls/ACC-02", "/duties/access-review", "/people/E1001"} {
		v.goes(path)
		v.do(chromedp.Evaluate[chromedp.Void](`document.querySelector(".copy button").focus()`), v.typing(kb.Enter),
			chromedp.Poll[chromedp.Void](`document.querySelector(".copy [role=status]").innerText === "Copied"`))
		if shown := in(v, chromedp.Evaluate[bool](`document.querySelector(".copy a").checkVisibility()`)); shown {
			t.Errorf("%s: the link stands beside the button", path)
		}
		v.goes("/search")
		v.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("q").focus()`), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: "keyDown", Modifiers: 2, Key: "v", Code: "KeyV", WindowsVirtualKeyCode: 'V', Commands: []string{"paste"}})
			return err
		}), chromedp.Poll[chromedp.Void](`document.getElementById("q").value !== ""`))
		if got := in(v, chromedp.Evaluate[string](`document.getElementById("q").value`)); got != s.url+path {
			t.Errorf("%s: %q was copied", path, got)
		}
	}
	v.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
	v.goes("/r/people/E1001")
	if got := in(v, chromedp.Evaluate[string](`(c => c.querySelector("a").checkVisibility() && !c.querySelector("button").checkVisibility() ? c.querySelector("a").href : "")(document.querySelector(".copy"))`)); got != s.url+"/r/people/E1001" {
		t.Errorf("without scripts the address is %q", got)
	}
}
