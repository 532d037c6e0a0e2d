package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/platform/config"
)

func load(t *testing.T, notifications string) (*config.Config, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, config.File), []byte(`{"origin": "scaf/x", "organization": "X", "timezone": "UTC", "notifications": `+notifications+`}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(dir)
}

func TestWhatCanBeSaidOfNotifications(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"portal_url": "https://scaf.example.com", "at": "07:15"}`,
		`{"email": {"server": "smtp.example.com:587", "from": "SCAF <scaf@example.com>"}}`,
		`{"email": {"server": "[2001:db8::1]:465", "tls": "implicit", "from": "scaf@example.com", "user": "scaf", "password": {"env": "P"}}}`,
		`{"slack": {"token": {"file": "secrets/slack"}, "channel": "C1"}}`, `{"slack": {"webhook": {"env": "W"}, "token": {"env": "T"}}}`,
		`{"webhooks": [{"name": "siem", "url": "https://siem.example.com/x", "secret": {"env": "S"}, "kinds": ["ledger"]}], "allow_private": ["10.1.0.0/16", "::1/128"]}`,
	} {
		if _, err := load(t, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, says := range map[string]string{
		`{"portal_url": "http://scaf.example.com"}`: "portal_url", `{"at": "25:00"}`: "25:00", `{"at": "noon"}`: "08:00",
		`{"email": {"server": "smtp.example.com", "from": "a@b.example"}}`:                          "587",
		`{"email": {"server": "smtp.example.com:0", "from": "a@b.example"}}`:                        "587",
		`{"email": {"server": "smtp.example.com:99999", "from": "a@b.example"}}`:                    "587",
		`{"email": {"server": "a:587", "from": "nobody"}}`:                                          "from",
		`{"email": {"server": "a:587", "from": "a@b.example", "tls": "none"}}`:                      "without TLS nothing is sent",
		`{"email": {"server": "a:587", "from": "a@b.example", "user": "u"}}`:                        "belong together",
		`{"email": {"server": "a:587", "from": "a@b.example", "user": "u", "password": {}}}`:        "env",
		`{"email": {"server": "a:587", "from": "a@b.example", "user": "u", "password": "hunter2"}}`: "password",
		`{"slack": {}}`: "token", `{"slack": {"channel": "C1", "webhook": {"env": "W"}}}`: "token",
		`{"slack": {"channel": "C1", "webhook": {"env": "W"}, "token": {"env": "T"}}}`:                                                                         "twice",
		`{"slack": {"token": {"env": "T", "file": "F"}}}`:                                                                                                      "slack.token",
		`{"slack": {"token": {"env": "T"}, "api": "http://slack.example/api/"}}`:                                                                               "api",
		`{"webhooks": [{"name": "SIEM", "url": "https://x.example", "secret": {"env": "S"}}]}`:                                                                 "small letters",
		`{"webhooks": [{"name": "a", "url": "http://169.254.169.254/", "secret": {"env": "S"}}]}`:                                                              "https",
		`{"webhooks": [{"name": "a", "url": "https://x.example", "secret": {}}]}`:                                                                              "secret",
		`{"webhooks": [{"name": "a", "url": "https://x.example", "secret": {"env": "S"}}, {"name": "a", "url": "https://x.example", "secret": {"env": "S"}}]}`: "twice",
		`{"allow_private": ["10.0.0.1"]}`:                                                                                                                      "10.1.0.0/16", `{"mail": {}}`: "mail",
	} {
		_, err := load(t, text)
		if !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, which does not say %q", text, err, says)
		}
	}
}

func TestSecretsAreReadFromWhereTheyAre(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("good", "  hunter2\n", 0o600)
	write("open", "hunter2", 0o644)
	write("empty", "\n", 0o600)
	write("large", strings.Repeat("hunter2", 1000), 0o600)
	t.Setenv("SCAF_TEST_SECRET", "hunter2 ")
	t.Setenv("SCAF_TEST_EMPTY", "")
	for _, s := range []config.Secret{{File: "good"}, {File: filepath.Join(dir, "good")}, {Env: "SCAF_TEST_SECRET"}} {
		if value, err := s.Load(dir); err != nil || value != "hunter2" {
			t.Errorf("%s: %q, %v", &s, value, err)
		}
	}
	for _, s := range []config.Secret{{File: "open"}, {File: "empty"}, {File: "large"}, {File: "none"}, {Env: "SCAF_TEST_EMPTY"}, {Env: "SCAF_TEST_NONE"}} {
		value, err := s.Load(dir)
		if !errors.Is(err, config.ErrInvalid) || strings.Contains(err.Error(), "hunter2") || value != "" {
			t.Errorf("%s: %q, %v", &s, value, err)
		}
		if strings.Contains(s.String(), "hunter2") {
			t.Error("it shows the secret")
		}
	}
}
