package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// cloudTrail is the connector of the cloud account's audit log.
var cloudTrail = act.Caller{ID: "connector/cloudtrail", Roles: []string{"compliance"}}

// cloudActs are what is done in the account on an ordinary day: service, name,
// and what was asked for. Nothing is ever done to the threat detectors.
var cloudActs = []struct {
	service, name string
	request       map[string]any
}{
	{"sts.amazonaws.com", "AssumeRole", map[string]any{"roleArn": "arn:aws:iam::111122223333:role/deploy"}},
	{"s3.amazonaws.com", "PutBucketLifecycle", map[string]any{"bucketName": "example-archive"}},
	{"s3.amazonaws.com", "PutBucketPublicAccessBlock", map[string]any{"bucketName": "example-archive", "PublicAccessBlockConfiguration": map[string]bool{
		"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
	}}},
	{"iam.amazonaws.com", "AttachRolePolicy", map[string]any{"roleName": "deploy", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}},
	{"ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", map[string]any{"groupId": "sg-1", "ipPermissions": map[string]any{"items": []any{
		map[string]any{"fromPort": 443, "toPort": 443, "ipRanges": map[string]any{"items": []any{map[string]any{"cidrIp": "0.0.0.0/0"}}}},
	}}}},
	{"kms.amazonaws.com", "EnableKeyRotation", map[string]any{"keyId": "example-key"}},
	{"rds.amazonaws.com", "CreateDBSnapshot", map[string]any{"dBInstanceIdentifier": "audit"}},
	{"cloudtrail.amazonaws.com", "UpdateTrail", map[string]any{"name": "main"}},
}

// operate plans what is done in the cloud account, and that its audit log is
// taken over in the first days of every month.
func (w *world) operate() {
	var month [][]byte
	for from := w.from; from.Before(w.to); {
		until := from.AddDate(0, 1, 0)
		month = nil
		for day := from; day.Before(until); day = day.AddDate(0, 0, 1) {
			month = append(month, w.cloudDay(day)...)
		}
		documents, since := month, from
		w.plan(until.Add(34*time.Hour), func(ctx context.Context) error { return w.takeTrail(ctx, documents, since, until) })
		from = until
	}
}

// cloudDay gives the records of one day.
func (w *world) cloudDay(day time.Time) [][]byte {
	var records [][]byte
	if w.today(w.Cloud.OpenPorts.Days, day) {
		record, id := w.cloudAct(day, "ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", map[string]any{"requestParameters": map[string]any{"groupId": "sg-9", "cidrIp": "0.0.0.0/0"}})
		w.note("CLD-04", id, w.Cloud.OpenPorts.because())
		records = append(records, record)
	}
	if w.today(w.Cloud.NoSecondFactor.Days, day) {
		record, id := w.signIn(day, "No")
		w.note("CLD-03", id, w.Cloud.NoSecondFactor.because())
		records = append(records, record)
	}
	for range w.Cloud.ActsAMonth / 30 {
		one := pick(w, cloudActs)
		record, _ := w.cloudAct(day, one.service, one.name, map[string]any{"requestParameters": one.request})
		records = append(records, record)
	}
	if w.random.IntN(3) == 0 {
		record, _ := w.signIn(day, "Yes")
		records = append(records, record)
	}
	return records
}

func (w *world) signIn(day time.Time, factor string) (document []byte, id string) {
	return w.cloudAct(day, "signin.amazonaws.com", "ConsoleLogin", map[string]any{
		"responseElements": map[string]string{"ConsoleLogin": "Success"}, "additionalEventData": map[string]string{"MFAUsed": factor},
	})
}

// cloudAct makes a record of the audit log as an event, as the importer of
// CloudTrail does.
func (w *world) cloudAct(day time.Time, service, name string, more map[string]any) (document []byte, id string) {
	w.made++
	at := day.Add(time.Duration(6*60+w.random.IntN(14*60)) * time.Minute).UTC()
	who := w.present(at, "")
	id = fmt.Sprintf("c0000000-0000-4000-8000-%012d", w.made)
	data := map[string]any{
		"eventID": id, "eventTime": at.Format(time.RFC3339), "eventSource": service, "eventName": name, "awsRegion": "eu-central-1",
		"recipientAccountId": w.Cloud.Account, "readOnly": false,
		"userIdentity": map[string]string{"type": "IAMUser", "userName": who.Email, "accountId": w.Cloud.Account},
	}
	for field, value := range more {
		data[field] = value
	}
	if w.firstAct == "" {
		w.firstAct = id
	}
	document, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": "urn:aws:cloudtrail:" + w.Cloud.Account, "type": "com.amazonaws.cloudtrail." + name,
		"subject": "aws/" + w.Cloud.Account, "time": at.Format(time.RFC3339), "data": data,
	})
	if err != nil { // maps of texts always can be
		panic(err)
	}
	return document, id
}

// takeTrail takes a month's records into the ledger.
func (w *world) takeTrail(ctx context.Context, documents [][]byte, since, until time.Time) error {
	parser := w.Parser()
	var entries []act.Entry
	for _, document := range documents {
		entry, err := parser.Parse(document, w.clock.Now())
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	if _, err := w.Door.Append(ctx, cloudTrail, entries); err != nil {
		return err
	}
	since, until = since.UTC(), until.UTC()
	n := int64(len(entries))
	return record.Complete(ctx, w.Door, cloudTrail, "import.cloudtrail", "cloudtrail", record.Completed{
		Source: "cloudtrail", Register: "events", Scope: w.Cloud.Account, Since: &since, Until: &until, Complete: true, Gaps: []string{},
		Summary: &record.Summary{Read: n, Taken: n, Reasons: []record.Refusal{}},
		Query:   map[string]any{"account": w.Cloud.Account, "since": since, "until": until},
	})
}
