package trail

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// previousDigest is the digest file that the next one names.
type previousDigest struct{ object, content string }

// digestOf gives the content of a digest file as the user guide shows it.
func digestOf(object, start, end string, previous *previousDigest, logs map[string]string) string {
	d := map[string]any{
		"awsAccountId": account, "digestStartTime": start, "digestEndTime": end, "digestS3Bucket": "bucket", "digestS3Object": object,
		"digestPublicKeyFingerprint": "31e8", "digestSignatureAlgorithm": "SHA256withRSA", "newestEventTime": nil, "oldestEventTime": nil,
		"previousDigestS3Bucket": nil, "previousDigestS3Object": nil, "previousDigestHashValue": nil, "previousDigestHashAlgorithm": nil, "previousDigestSignature": nil,
	}
	if previous != nil {
		d["previousDigestS3Object"], d["previousDigestHashValue"], d["previousDigestHashAlgorithm"] = previous.object, hash(previous.content), "SHA-256"
	}
	files := []map[string]string{}
	for name, content := range logs {
		files = append(files, map[string]string{"s3Bucket": "bucket", "s3Object": "AWSLogs/" + account + "/CloudTrail/us-east-2/2026/01/31/" + name, "hashValue": hash(content), "hashAlgorithm": "SHA-256"})
	}
	d["logFiles"] = files
	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func digestKey(hour int) string {
	return fmt.Sprintf("AWSLogs/%s/CloudTrail-Digest/us-east-2/2026/01/31/%s_CloudTrail-Digest_us-east-2_trail_us-east-2_20260131T%02d0000Z.json.gz", account, account, hour)
}

func logKey(hour int) string {
	return fmt.Sprintf("%s_CloudTrail_us-east-2_20260131T%02d05Z_AbCdEf.json.gz", account, hour)
}

func clock(hour int) string { return fmt.Sprintf("2026-01-31T%02d:00:00Z", hour) }

// delivery is a folder as copied from S3: a digest file for each of the hours 10 to 15, each
// naming the log file of its hour; hour 12 had none.
func delivery(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	var previous *previousDigest
	for hour := 10; hour < 15; hour++ {
		logs := map[string]string{}
		if hour != 12 {
			logs[logKey(hour)] = logFile(event(fmt.Sprint("e-", hour), clock(hour), "us-east-2"))
			files["logs/"+logKey(hour)] = zipped(t, logs[logKey(hour)])
		}
		content := digestOf(digestKey(hour+1), clock(hour), clock(hour+1), previous, logs)
		files[digestKey(hour+1)] = zipped(t, content)
		previous = &previousDigest{digestKey(hour + 1), content}
	}
	return files
}

func at(hour int) time.Time { return time.Date(2026, 1, 31, hour, 0, 0, 0, time.UTC) }

func TestDigestChainIsVerified(t *testing.T) {
	us := func(from, to int, quiet bool) Gap {
		return Gap{Account: account, Region: "us-east-2", From: at(from), To: at(to), Quiet: quiet}
	}
	damage := func(files map[string]string, name string) {
		files[name] = zipped(t, logFile(event("other", clock(11), "us-east-2")))
	}
	for name, tc := range map[string]struct {
		change func(files map[string]string)
		want   Digests
		gaps   []Gap
		refuse int
	}{
		"whole": {change: func(map[string]string) {}, want: Digests{Files: 5, Verified: 4, ChainVerified: 4}, gaps: []Gap{us(12, 13, true)}},
		"decompressed by the tool that copied": {change: func(files map[string]string) {
			for name, content := range files {
				plain, err := decompress(strings.NewReader(content), 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				delete(files, name)
				files[strings.TrimSuffix(name, ".gz")] = string(plain)
			}
		}, want: Digests{Files: 5, Verified: 4, ChainVerified: 4}, gaps: []Gap{us(12, 13, true)}},
		"log file lost": {
			change: func(files map[string]string) { delete(files, "logs/"+logKey(11)) },
			want:   Digests{Files: 5, Verified: 3, ChainVerified: 4, Missing: []Link{{Digest: digestKey(12), Object: logKey(11)}}},
			gaps:   []Gap{us(11, 12, false), us(12, 13, true)},
		},
		"log file changed": {
			change: func(files map[string]string) { damage(files, "logs/"+logKey(11)) },
			want:   Digests{Files: 5, Verified: 3, ChainVerified: 4, Mismatching: []Link{{Digest: digestKey(12), Object: logKey(11)}}},
			gaps:   []Gap{us(12, 13, true)},
		},
		"log file malformed": {
			change: func(files map[string]string) { files["logs/"+logKey(11)] = "{" },
			want:   Digests{Files: 5, Verified: 3, ChainVerified: 4, Mismatching: []Link{{Digest: digestKey(12), Object: logKey(11)}}},
			gaps:   []Gap{us(11, 12, false), us(12, 13, true)},
			refuse: 1,
		},
		"log file added": {
			change: func(files map[string]string) {
				files["logs/"+strings.Replace(logKey(12), "AbC", "XyZ", 1)] = logFile(event("added", clock(12), "us-east-2"))
			},
			want: Digests{Files: 5, Verified: 4, ChainVerified: 4, Unlisted: []string{"logs/" + strings.Replace(logKey(12), "AbC", "XyZ", 1)}},
		},
		"log files that no digest file can name": {
			change: func(files map[string]string) {
				files["logs/"+logKey(16)] = logFile(event("later", clock(16), "us-east-2"))
				files["logs/"+strings.Replace(logKey(12), "us-east-2", "eu-west-1", 1)] = logFile(event("elsewhere", clock(12), "eu-west-1"))
			},
			want: Digests{Files: 5, Verified: 4, ChainVerified: 4},
			gaps: []Gap{
				{Account: account, Region: "eu-west-1", From: at(10), To: at(12)}, {Account: account, Region: "eu-west-1", From: at(13), To: at(17)},
				us(12, 13, true), us(15, 16, false),
			},
		},
		"digest file lost": {
			change: func(files map[string]string) { delete(files, digestKey(13)) },
			want:   Digests{Files: 4, Verified: 4, ChainVerified: 2, ChainMissing: []Link{{Digest: digestKey(14), Object: digestKey(13)}}},
			gaps:   []Gap{us(12, 13, false)},
		},
		"digest file changed": {
			change: func(files map[string]string) {
				files[digestKey(13)] = zipped(t, digestOf(digestKey(13), clock(12), clock(13), &previousDigest{digestKey(12), "x"}, nil))
			},
			want: Digests{Files: 5, Verified: 4, ChainVerified: 2, ChainMismatching: []Link{{Digest: digestKey(13), Object: digestKey(12)}, {Digest: digestKey(14), Object: digestKey(13)}}},
			gaps: []Gap{us(12, 13, false)},
		},
		"chain begun again": {
			change: func(files map[string]string) {
				files[digestKey(13)] = zipped(t, digestOf(digestKey(13), clock(12), clock(13), nil, nil))
				delete(files, digestKey(14))
				delete(files, digestKey(15))
			},
			want: Digests{Files: 3, Verified: 2, ChainVerified: 1, ChainRestarts: []string{digestKey(13)}},
			gaps: []Gap{us(12, 13, true)},
		},
		"first digest file names one from before": {
			change: func(files map[string]string) { delete(files, digestKey(11)) },
			want:   Digests{Files: 4, Verified: 3, ChainVerified: 3},
			gaps:   []Gap{us(12, 13, true)},
		},
		"hash of another kind": {
			change: func(files map[string]string) {
				files[digestKey(16)] = strings.Replace(digestOf(digestKey(16), clock(15), clock(16), &previousDigest{"x", "x"}, nil), "SHA-256", "MD5", 1)
			},
			want: Digests{Files: 5, Verified: 4, ChainVerified: 4}, gaps: []Gap{us(12, 13, true)}, refuse: 1,
		},
		"hash that is none": {
			change: func(files map[string]string) {
				files[digestKey(16)] = digestOf(digestKey(16), clock(15), clock(16), &previousDigest{"AWSLogs/x", ""}, nil)
				files[digestKey(16)] = strings.Replace(files[digestKey(16)], hash(""), "zz", 1)
			},
			want: Digests{Files: 6, Verified: 4, ChainVerified: 4, ChainMissing: []Link{{Digest: digestKey(16), Object: "x"}}}, gaps: []Gap{us(12, 13, true)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := delivery(t)
			tc.change(files)
			dir := folder(t, files)
			_, s := readAll(t, Options{}, dir)
			if len(s.Refused) != tc.refuse || s.DigestFiles != s.Digests.Files {
				t.Errorf("refused %v, %d digest files", s.Refused, s.DigestFiles)
			}
			got := s.Digests
			for _, links := range [][]Link{got.Missing, got.Mismatching, got.ChainMissing, got.ChainMismatching} {
				for i := range links {
					if links[i].Reason == "" {
						t.Error("a link without a reason")
					}
					links[i].Reason = ""
					links[i].Object = filepath.Base(links[i].Object)
					links[i].Digest = filepath.Base(links[i].Digest)
				}
			}
			for _, links := range [][]Link{tc.want.Missing, tc.want.Mismatching, tc.want.ChainMissing, tc.want.ChainMismatching} {
				for i := range links {
					links[i].Object = filepath.Base(links[i].Object)
					links[i].Digest = filepath.Base(links[i].Digest)
				}
			}
			for _, list := range []*[]string{&tc.want.Unlisted, &tc.want.ChainRestarts} {
				for i := range *list {
					(*list)[i] = filepath.Join(dir, (*list)[i])
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.gaps, s.Gaps); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGapsAreListedByAccountAndRegion(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.json": logFile(event("1", "2026-01-31T10:59:59Z", "us-east-2"), event("2", "2026-01-31T14:00:00Z", "us-east-2"), event("3", "2026-01-31T12:30:00Z", "eu-west-1")),
		// A file without records says that its hour was looked at.
		account + "_CloudTrail_eu-west-1_20260131T1405Z_AbC.json": logFile(),
	})
	_, s := readAll(t, Options{}, dir)
	want := []Gap{
		{Account: account, Region: "eu-west-1", From: at(10), To: at(12)},
		{Account: account, Region: "eu-west-1", From: at(13), To: at(14)},
		{Account: account, Region: "us-east-2", From: at(11), To: at(14)},
	}
	if diff := cmp.Diff(want, s.Gaps); diff != "" {
		t.Error(diff)
	}
	if s.Gaps[2].Hours() != 3 {
		t.Errorf("%d hours", s.Gaps[2].Hours())
	}
	if diff := cmp.Diff([]string{"eu-west-1", "us-east-2"}, s.Regions); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{account}, s.Accounts); diff != "" {
		t.Error(diff)
	}
	if !s.First.Equal(time.Date(2026, 1, 31, 10, 59, 59, 0, time.UTC)) || !s.Last.Equal(at(14)) {
		t.Errorf("from %v to %v", s.First, s.Last)
	}
}

// Far times cost nothing: the hours between are not walked.
func TestGapsOfFarTimes(t *testing.T) {
	_, s := readAll(t, Options{}, folder(t, map[string]string{"a.json": logFile(event("1", "0001-01-01T00:00:00Z", "r"), event("2", "9999-12-31T23:59:59Z", "r"))}))
	if len(s.Gaps) != 1 || s.Gaps[0].From.Year() != 1 || s.Gaps[0].To.Year() != 9999 || s.Gaps[0].Hours() != 87_649_414 {
		t.Errorf("gaps %v", s.Gaps)
	}
}

// The gaps are the hours that a plain walk over every hour finds.
func TestGapsAreThoseOfEveryHour(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCoverage()
		seen := map[pair]map[int64]bool{}
		low, high := int64(1<<60), int64(-1<<60)
		for range rapid.IntRange(1, 12).Draw(t, "records") {
			p := pair{"a", rapid.SampledFrom([]string{"x", "y"}).Draw(t, "region")}
			second := rapid.Int64Range(-20*3600, 20*3600).Draw(t, "at")
			when := time.Unix(second, 0)
			c.addRecord(Record{AccountID: p.account, Region: p.region, EventTime: when})
			hour := when.UTC().Truncate(time.Hour).Unix() / 3600
			if seen[p] == nil {
				seen[p] = map[int64]bool{}
			}
			seen[p][hour] = true
			low, high = min(low, hour), max(high, hour)
		}
		digests := map[pair][]window{}
		for range rapid.IntRange(0, 5).Draw(t, "digests") {
			p := pair{"a", rapid.SampledFrom([]string{"x", "y"}).Draw(t, "digest region")}
			from := time.Unix(60*rapid.Int64Range(-1200, 1200).Draw(t, "from"), 0)
			digests[p] = append(digests[p], window{from, from.Add(time.Duration(rapid.Int64Range(0, 300).Draw(t, "minutes")) * time.Minute)})
		}
		type cell struct {
			p     pair
			hour  int64
			quiet bool
		}
		want, got := map[cell]bool{}, map[cell]bool{}
		for p := range seen {
			for hour := low; hour <= high; hour++ {
				if seen[p][hour] {
					continue
				}
				quiet := true
				for minute := range int64(60) {
					covered := false
					for _, w := range digests[p] {
						m := time.Unix(hour*3600+minute*60, 0)
						covered = covered || !m.Before(w.from) && m.Before(w.to)
					}
					quiet = quiet && covered
				}
				want[cell{p, hour, quiet}] = true
			}
		}
		for _, g := range c.gaps(digests) {
			if g.Hours() < 1 {
				t.Fatalf("empty gap %v", g)
			}
			for h := g.From; h.Before(g.To); h = h.Add(time.Hour) {
				at := cell{pair{g.Account, g.Region}, h.Unix() / 3600, g.Quiet}
				if got[at] {
					t.Fatalf("%v is listed twice", at)
				}
				got[at] = true
			}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(cell{}, pair{})); diff != "" {
			t.Fatal(diff)
		}
	})
}
