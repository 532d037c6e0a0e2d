//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	gitRate        = 5_000
	cloudTrailRate = 10_000
)

func imports(b *bench) {
	rounds := 3
	b.say("The real program from start to end, into a fresh folder each time. %d rounds in turns with the baseline. **git log**: git itself prints the raw commits of the same branch. **Decompress and decode**: one goroutine that unzips the same files and decodes each record into a map.", rounds)
	rows := [][]string{{"import", "database", "items", "baseline/s", "SCAF/s", "ratio", "target", "time", "peak memory"}}
	commits := pick(b, 3_000, 50_000)
	repository := makeRepository(b, commits)
	records := pick(b, 5_000, 100_000)
	logs := makeTrail(b, 0, records)
	for _, one := range []struct {
		name, baseline string
		items          int
		target         float64
		base           func() error
		arguments      []string
	}{
		{"git", "git log", commits, gitRate, func() error {
			return exec.Command("git", "-C", repository, "log", "--format=raw", "main").Run()
		}, []string{"import", "git", repository, "--branch", "main", "--json"}},
		{"cloudtrail", "decompress and decode", records, cloudTrailRate, func() error { return decodeTrail(logs) }, []string{"import", "cloudtrail", logs, "--json"}},
	} {
		for _, database := range databases {
			var bases, rates, ratios []float64
			var walls []time.Duration
			var rss int64
			for range rounds {
				begin := time.Now()
				if err := one.base(); err != nil {
					b.Fatal(err)
				}
				base := float64(one.items) / time.Since(begin).Seconds()
				run := b.folder(database).run(one.arguments...)
				var done struct{ Taken, Refused int }
				if err := json.Unmarshal(run.out, &done); err != nil || done.Taken != one.items || done.Refused != 0 {
					b.Fatalf("taken %d of %d, refused %d, %v: %s", done.Taken, one.items, done.Refused, err, run.out)
				}
				rate := float64(one.items) / run.wall.Seconds()
				bases, rates, ratios, walls, rss = append(bases, base), append(rates, rate), append(ratios, rate/base), append(walls, run.wall), max(rss, run.rss)
			}
			rows = append(rows, []string{
				one.name, database.name, count(one.items), count(median(bases)) + " (" + one.baseline + ")", count(median(rates)), fmt.Sprintf("%.2f", median(ratios)),
				met("at least "+count(one.target)+"/s", median(rates) >= one.target), seconds(median(walls)), megabytes(rss),
			})
		}
	}
	b.table(rows...)
}

// makeRepository makes a packed repository: a line of commits with a merge
// every tenth, messages of a few lines, most with a reviewer.
func makeRepository(b *bench, n int) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "shop.git")
	if out, err := exec.Command("git", "init", "-q", "--bare", "--initial-branch=main", dir).CombinedOutput(); err != nil {
		b.Fatalf("git init: %v: %s", err, out)
	}
	command := exec.Command("git", "-C", dir, "fast-import", "--quiet")
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	var problems bytes.Buffer
	command.Stderr = &problems
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(in)
	for i := 1; i <= n; i++ {
		message := fmt.Sprintf("service %d: make request %d quicker\n\nThe answer took a query for each line of the order, and now takes one.\nMeasured with the orders of a day.\n\nTicket: SHOP-%d\n", i%50, i, i)
		if i%20 != 0 {
			message += fmt.Sprintf("Reviewed-by: Reviewer %d <reviewer%d@example.org>\n", i%7, i%7)
		}
		at := yearBegin.Unix() + int64(i)*300
		fmt.Fprintf(w, "commit refs/heads/main\nmark :%d\nauthor Author %d <author%d@example.org> %d +0100\ncommitter Merge Queue <queue@example.org> %d +0000\ndata %d\n%s", i, i%40, i%40, at-60, at, len(message), message)
		if i > 10 && i%10 == 0 {
			fmt.Fprintf(w, "from :%d\nmerge :%d\n", i-1, i-7)
		}
		content := fmt.Sprintf("version %d\n", i)
		fmt.Fprintf(w, "M 100644 inline src/service%d/handler%d.txt\ndata %d\n%s\n", i%50, i%200, len(content), content)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	in.Close()
	if err := command.Wait(); err != nil {
		b.Fatalf("git fast-import: %v: %s", err, problems.String())
	}
	return dir
}

// makeTrail writes files as CloudTrail delivers them, one an hour, zipped, with the
// records of these numbers.
func makeTrail(b *bench, first, end int) string {
	b.Helper()
	const account, region, each = "111122223333", "eu-central-1", 1000
	dir := b.TempDir()
	for begin := first; begin < end; begin += each {
		hour := yearBegin.Add(time.Duration(begin/each) * time.Hour)
		records := make([]string, 0, each)
		for i := begin; i < min(end, begin+each); i++ {
			at := hour.Add(time.Duration(i-begin) * 3 * time.Second)
			records = append(records, fmt.Sprintf(`{"eventVersion":"1.09","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE%03d:deploy","arn":"arn:aws:sts::%[2]s:assumed-role/deploy/session-%[1]d","accountId":"%[2]s","accessKeyId":"ASIAEXAMPLE%08[1]d","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE","arn":"arn:aws:iam::%[2]s:role/deploy","accountId":"%[2]s","userName":"deploy"},"attributes":{"creationDate":"2025-01-01T00:00:00Z","mfaAuthenticated":"false"}}},"eventTime":"%[3]s","eventSource":"ecs.amazonaws.com","eventName":"DescribeServices","awsRegion":"%[4]s","sourceIPAddress":"192.0.2.%[5]d","userAgent":"aws-sdk-go-v2/1.30.3","requestParameters":{"cluster":"shop","services":["checkout","search","basket-%[1]d"]},"responseElements":null,"requestID":"%08[1]x-0000-4000-8000-000000000000","eventID":"%08[1]x-1111-4111-8111-111111111111","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"%[2]s","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"ecs.%[4]s.amazonaws.com"}}`,
				i, account, at.Format(time.RFC3339), region, i%250))
		}
		path := filepath.Join(dir, "AWSLogs", account, "CloudTrail", region, hour.Format("2006/01/02"),
			fmt.Sprintf("%s_CloudTrail_%s_%s_%016x.json.gz", account, region, hour.Add(time.Hour).Format("20060102T1504Z"), begin))
		var content bytes.Buffer
		z := gzip.NewWriter(&content)
		fmt.Fprintf(z, `{"Records":[%s]}`, strings.Join(records, ","))
		if err := z.Close(); err != nil {
			b.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, content.Bytes(), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

func decodeTrail(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		z, err := gzip.NewReader(file)
		if err != nil {
			return err
		}
		var all struct{ Records []map[string]any }
		return json.NewDecoder(z).Decode(&all)
	})
}
