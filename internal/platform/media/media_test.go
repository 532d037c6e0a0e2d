package media_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"scaf.dev/scaf/internal/platform/media"
)

func TestWhatAFileHolds(t *testing.T) {
	program := "MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00PE\x00\x00"
	zip := "PK\x03\x04" + strings.Repeat("\x00", 60)
	for _, test := range []struct{ name, content, want, wrong string }{
		{"a.pdf", "%PDF-1.7\n1 0 obj", "application/pdf", ""},
		{"A.PDF", "%PDF-1.7\n1 0 obj", "application/pdf", ""},
		{"a.pdf", program, "", "is a program (application/vnd.microsoft.portable-executable)"},
		{"a", program, "", "is a program"},
		{"a.bin", "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 60), "", "is a program"},
		{"a.pdf", "<!DOCTYPE html><script>1</script>", "", `is called .pdf and holds text/html`},
		{"a.png", "%PDF-1.7\n", "", "is called .png and holds application/pdf"},
		{"page.html", "<!DOCTYPE html><script>1</script>", "text/html; charset=utf-8", ""},
		{"a.csv", "id,name\n1,Ä\n", "text/csv", ""},
		{"a.csv", zip, "", "is called .csv and holds application/zip"},
		{"a.log", "\xff\xfea\x00b\x00", "text/plain; charset=utf-16le", ""},
		{"a.json", `{"a": 1}`, "application/json", ""},
		{"a.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`, "image/svg+xml", ""},
		{"a.xlsx", zip, "application/zip", ""},
		{"a.xlsx", "id;name", "", "is called .xlsx and holds text/plain"},
		{"certificate.p7m", "\x30\x82\x01\x02", "application/octet-stream", ""},
		{"a.pdf", "", "", "is empty"},
		{"a.txt", strings.Repeat("ä", 4000), "text/plain; charset=utf-8", ""},
	} {
		found, all, err := media.Look(test.name, iotest.OneByteReader(strings.NewReader(test.content)))
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%s: %v, want %q", test.name, err, test.wrong)
			}
			continue
		}
		if err != nil || found != test.want {
			t.Errorf("%s %.20q: %q (%v), want %q", test.name, test.content, found, err, test.want)
			continue
		}
		if got, err := io.ReadAll(all); err != nil || !bytes.Equal(got, []byte(test.content)) {
			t.Errorf("%s: %d bytes (%v), want %d", test.name, len(got), err, len(test.content))
		}
	}
	broken := errors.New("the line is cut")
	if _, _, err := media.Look("a", iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}
