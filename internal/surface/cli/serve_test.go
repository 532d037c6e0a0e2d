package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/surface/cli"
)

// scaf runs a command line in a folder and returns what came of it.
func scaf(t *testing.T, dir string, args ...string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Main(context.Background(), append(args, "--dir", dir), cli.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr}, app.New("test"))
	return code, stdout.String(), stderr.String()
}

func initialised(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if code, _, complaint := scaf(t, dir, "init"); code != 0 {
		t.Fatal(complaint)
	}
	return dir
}

func TestServeSaysWhereItListensAndStopsWhenToldTo(t *testing.T) {
	for _, flags := range [][]string{nil, {"--json"}} {
		dir := initialised(t)
		ctx, stop := context.WithCancel(context.Background())
		reader, writer := io.Pipe()
		var log bytes.Buffer
		ended := make(chan int, 1)
		go func() {
			ended <- cli.Main(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--dir", dir}, flags...), cli.Streams{Out: writer, Err: &log}, app.New("test"))
			_ = writer.Close()
		}()
		line, err := bufio.NewReader(reader).ReadString('\n')
		if err != nil {
			t.Fatal(err, log.String())
		}
		at := strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
		if flags != nil {
			var said struct{ Listening string }
			if err := json.Unmarshal([]byte(line), &said); err != nil {
				t.Fatal(err)
			}
			at = said.Listening
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("ready: %d", response.StatusCode)
		}
		// The folder is taken meanwhile.
		if code, _, complaint := scaf(t, dir, "token", "create", "--role", "monitor"); code != 3 || !strings.Contains(complaint, "HTTP API") {
			t.Errorf("exit %d: %s", code, complaint)
		}
		stop()
		if code := <-ended; code != 0 {
			t.Errorf("exit %d: %s", code, log.String())
		}
		if code, _, complaint := scaf(t, dir, "ledger", "verify"); code != 0 {
			t.Errorf("afterwards: %s", complaint)
		}
	}
}

func TestServeRefusesWhatOthersCouldReach(t *testing.T) {
	dir := initialised(t)
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:80", "example.com:80", "8321", ""} {
		if code, _, complaint := scaf(t, dir, "serve", "--listen", address); code != 2 || strings.Count(complaint, "\n") != 1 {
			t.Errorf("%q: exit %d: %s", address, code, complaint)
		}
	}
}

func TestTimeStampsNeedAnAuthority(t *testing.T) {
	dir := initialised(t)
	if code, _, complaint := scaf(t, dir, "ledger", "timestamp"); code != 3 || !strings.Contains(complaint, "scaf init --tsa") {
		t.Errorf("exit %d: %s", code, complaint)
	}
	other := filepath.Join(t.TempDir(), "data")
	for _, flags := range [][]string{{"--tsa", "http://127.0.0.1:1"}, {"--tsa-roots", "x.pem"}, {"--tsa", "nothing", "--tsa-roots", "x.pem"}} {
		if code, _, complaint := scaf(t, other, append([]string{"init"}, flags...)...); code != 2 {
			t.Errorf("%v: exit %d: %s", flags, code, complaint)
		}
	}
	if code, _, complaint := scaf(t, other, "init", "--tsa", "http://127.0.0.1:1", "--tsa-roots", "none.pem"); code != 3 || !strings.Contains(complaint, "none.pem") {
		t.Errorf("exit %d: %s", code, complaint)
	}
}

func TestAJobsRoleIsGivenToNobody(t *testing.T) {
	dir := initialised(t)
	if code, _, complaint := scaf(t, dir, "token", "create", "--role", "job/ledger.verify"); code != 2 || strings.Contains(complaint, "job/ledger.timestamp") {
		t.Errorf("exit %d: %s", code, complaint)
	}
}
