package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/platform/config"
)

func TestWhatCanBeSaidOfTheHRSystem(t *testing.T) {
	for text, says := range map[string]string{
		`{"secret": {"env": "S"}}`: "",
		`{"secret": {"file": "s"}, "send_to": "https://hr.example.com/x", "read_from": "https://hr.example.com/y", "token": {"env": "T"}, "allow_private": ["10.1.0.0/16"]}`: "",
		`{}`:                      "hris.secret must say where it is",
		`{"secret": "whsec_abc"}`: "hris",
		`{"secret": {"env": "S"}, "send_to": "http://hr.example.com"}`:        "hris.send_to",
		`{"secret": {"env": "S"}, "read_from": "https://u:p@hr.example.com"}`: "hris.read_from",
		`{"secret": {"env": "S"}, "token": {}}`:                               "hris.token",
		`{"secret": {"env": "S"}, "allow_private": ["10.1.0.0"]}`:             "hris.allow_private",
		`{"secret": {"env": "S"}, "sent_to": "https://hr.example.com"}`:       "sent_to",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, config.File), []byte(`{"origin": "scaf/x", "organization": "X", "timezone": "UTC", "hris": `+text+`}`), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := config.Load(dir); says == "" && err != nil || says != "" && (!errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
