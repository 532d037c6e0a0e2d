package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"scaf.dev/scaf/internal/operations/cloudtrail/trail"
	"scaf.dev/scaf/internal/record"
)

// maxListed bounds every list of the details.
const maxListed = 20

// query is what was asked for.
type query struct {
	Paths     []string `json:"paths"` // the first ones
	PathCount int      `json:"path_count"`
}

// Details say what the files hold and how they fit together. Lists hold their
// first entries; the counts are whole.
type Details struct {
	Accounts    []string   `json:"accounts"`
	Regions     []string   `json:"regions"`
	LogFiles    int        `json:"log_files"`
	DigestFiles int        `json:"digest_files"`
	First       *time.Time `json:"first,omitempty"` // event time
	Last        *time.Time `json:"last,omitempty"`
	// Blobs counts new records that were too large for an event.
	Blobs        int64            `json:"blobs"`
	SkippedFiles int              `json:"skipped_files"`
	Skipped      []record.Refusal `json:"skipped_file_reasons"`
	RefusedFiles int              `json:"refused_files"`
	// MissingHours are hours in which an account and region has no record and
	// no log file, and no digest file says that nothing was delivered;
	// QuietHours those of which digest files say so.
	MissingHours int   `json:"missing_hours"`
	QuietHours   int   `json:"quiet_hours"`
	HourGaps     []Gap `json:"hour_gaps"`
	HourGapCount int   `json:"hour_gap_count"`

	Digests Digests `json:"digests"`
	Note    string  `json:"note"`
}

// Gap is a run of hours of an account and region without anything.
type Gap struct {
	Account string    `json:"account"`
	Region  string    `json:"region"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Hours   int       `json:"hours"`
	Quiet   bool      `json:"quiet"`
}

// Digests says how digest files and what they name fit together.
type Digests struct {
	Verified         int      `json:"log_files_verified"`
	Missing          int      `json:"log_files_missing"`
	Mismatching      int      `json:"log_files_altered"`
	Unlisted         int      `json:"log_files_unlisted"`
	ChainVerified    int      `json:"chain_verified"`
	ChainMissing     int      `json:"chain_missing"`
	ChainMismatching int      `json:"chain_altered"`
	ChainRestarts    int      `json:"chain_restarts"`
	Problems         []string `json:"problems"`
}

// Sound reports whether the digest files found nothing wrong.
func (d Digests) Sound() bool {
	return d.Missing+d.Mismatching+d.Unlisted+d.ChainMissing+d.ChainMismatching+d.ChainRestarts == 0
}

// complete records the end of the import for each account, and returns what
// it came to for all.
func (r *run) complete(ctx context.Context, found trail.Summary) (*record.Completed, error) {
	for _, file := range found.Refused {
		r.all.Read++
		r.all.Refuse(file.File, errors.New(file.Reason))
	}
	for _, account := range found.Accounts { // accounts with empty files only
		r.account(account)
	}
	all := r.completed("", found, r.all)
	for _, account := range slices.Sorted(maps.Keys(r.accounts)) {
		one := r.completed(account, found, r.accounts[account])
		if err := record.Complete(ctx, r.Door, r.Caller, importCloudTrail, "cloudtrail", *one); err != nil {
			return nil, err
		}
	}
	if len(r.accounts) > 0 {
		return all, nil
	}
	// No file names an account: then there is nothing that the import speaks for.
	return all, record.Complete(ctx, r.Door, r.Caller, importCloudTrail, "cloudtrail", *all)
}

// completed describes the import, for one account or (empty) for all.
func (r *run) completed(account string, found trail.Summary, summary *record.Summary) *record.Completed {
	done := &record.Completed{
		Source: "cloudtrail", Register: "events", Scope: account,
		Query:   query{Paths: r.Paths[:min(len(r.Paths), maxListed)], PathCount: len(r.Paths)},
		Summary: summary, Complete: true, Gaps: []string{},
	}
	details := Details{
		Accounts: firstOf(found.Accounts), Regions: firstOf(found.Regions), LogFiles: found.LogFiles, DigestFiles: found.DigestFiles,
		Blobs: r.blobs, SkippedFiles: len(found.Skipped), Skipped: []record.Refusal{}, RefusedFiles: len(found.Refused),
		HourGaps: []Gap{}, Digests: digests(found.Digests), Note: trail.SignatureNote,
	}
	for _, note := range firstOf(found.Skipped) {
		details.Skipped = append(details.Skipped, record.Refusal{Where: note.File, Reason: note.Reason})
	}
	since, until := interval(found)
	done.Since, done.Until = &since, &until
	if !found.First.IsZero() {
		details.First, details.Last = &found.First, &found.Last
	}
	if n := len(found.Refused); n > 0 {
		done.Miss("%d files could not be read, the first one: %s", n, found.Refused[0])
	}
	if n := summary.Refused - int64(len(found.Refused)); account == "" && n > 0 || account != "" && summary.Refused > 0 {
		done.Miss("records were refused: %s: %s", summary.Reasons[0].Where, summary.Reasons[0].Reason)
	}
	if !details.Digests.Sound() {
		done.Miss("digest files do not fit: %s", details.Digests.Problems[0])
	}
	r.gaps(account, found, &details, done)
	done.Details = details
	return done
}

// interval is from the beginning of the first hour with a record to the end of
// the last one; empty when there is no record.
func interval(found trail.Summary) (since, until time.Time) {
	if found.First.IsZero() {
		return time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC()
	}
	return found.First.Truncate(time.Hour), found.Last.Truncate(time.Hour).Add(time.Hour)
}

// gaps lists hours without anything.
func (r *run) gaps(account string, found trail.Summary, details *Details, done *record.Completed) {
	runs := 0
	var first trail.Gap
	for _, gap := range found.Gaps {
		if account != "" && gap.Account != account {
			continue
		}
		details.HourGapCount++
		if len(details.HourGaps) < maxListed {
			details.HourGaps = append(details.HourGaps, Gap{gap.Account, gap.Region, gap.From, gap.To, gap.Hours(), gap.Quiet})
		}
		if gap.Quiet {
			details.QuietHours += gap.Hours()
			continue
		}
		if runs++; runs == 1 {
			first = gap
		}
		details.MissingHours += gap.Hours()
	}
	if runs > 0 {
		done.Miss("%d hours of accounts and regions have no log file, and no digest file says that they were quiet; first %s %s from %s to %s",
			details.MissingHours, first.Account, first.Region, first.From.Format(time.RFC3339), first.To.Format(time.RFC3339))
	}
}

func digests(found trail.Digests) Digests {
	d := Digests{
		Verified: found.Verified, Missing: len(found.Missing), Mismatching: len(found.Mismatching), Unlisted: len(found.Unlisted),
		ChainVerified: found.ChainVerified, ChainMissing: len(found.ChainMissing), ChainMismatching: len(found.ChainMismatching),
		ChainRestarts: len(found.ChainRestarts), Problems: []string{},
	}
	for _, links := range [][]trail.Link{found.Mismatching, found.ChainMismatching, found.Missing, found.ChainMissing} {
		for _, link := range firstOf(links) {
			d.Problems = append(d.Problems, fmt.Sprintf("%s: %s: %s", link.Digest, link.Object, link.Reason))
		}
	}
	for _, file := range firstOf(found.Unlisted) {
		d.Problems = append(d.Problems, file+": no digest file names it")
	}
	for _, file := range firstOf(found.ChainRestarts) {
		d.Problems = append(d.Problems, file+": names no earlier digest file: validation was switched off before it")
	}
	d.Problems = firstOf(d.Problems)
	return d
}

// firstOf cuts a list to maxListed.
func firstOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list[:min(len(list), maxListed)]
}
