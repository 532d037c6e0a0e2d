package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/platform/config"
)

// An announcement is offered the channels that are configured, and says which are not.
func TestOnlyConfiguredChannelsAreOffered(t *testing.T) {
	s := serve(t, config.Config{})
	page := s.signed(t, "ann", "compliance").get("/new/announcements").want(t, http.StatusOK, `value="portal"`, `value="meeting"`, "Not configured here: Slack and e-mail")
	for _, channel := range []string{"Slack", "e-mail"} {
		if strings.Contains(page.body, `value="`+channel+`"`) {
			t.Errorf("%s is offered", channel)
		}
	}
}
