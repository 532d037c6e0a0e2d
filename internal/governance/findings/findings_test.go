package findings_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const finding = `{"title":"Key without rotation","source":"audit","severity":"high","found_at":"2026-03-01T00:00:00Z","owner":"person/owner"}`

func TestTheRegister(t *testing.T) {
	plan := `{"plan":"Rotate it","told_to":"person/boss"}`
	retest := `{"retest":"Rotated, and the old one is refused","evidence":["The log"]}`
	until := `{"accepted_until":"2026-09-01T00:00:00Z","accepted_reason":"The system ends in August"}`
	past := `{"accepted_until":"2020-01-01T00:00:00Z","accepted_reason":"x"}`
	rated := `{"severity":"low","found_at":"2026-02-20T00:00:00Z","rated_why":"It was seen before, and reaches nobody"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: findings.Register, New: finding, Set: `{"what":"Found by the auditor"}`,
		Fields: map[string]string{
			"open open": rated, "in_progress in_progress": rated,
			"open in_progress": plan, "in_progress remediated": `{"remediation":"Rotated"}`, "remediated closed": retest,
			"remediated in_progress": retest, "closed open": `{"reopened":"It came back"}`, "withdrawn open": `{"reopened":"It was one"}`, "open accepted": until, "in_progress accepted": until,
		},
		Refused: map[string]string{
			"owner": `{"owner":"Ada"}`, "told_to": `{"told_to":"person/owner"}`, "found_at": `{"found_at":null}`, "severity": `{"severity":"bad"}`,
		},
		GuardFalse: map[string]string{"open accepted accepted_until": past, "in_progress accepted accepted_until": `{"accepted_until":"2029-01-01T00:00:00Z","accepted_reason":"x"}`},
	})
}

func TestTheDueDateFollowsFromTheSeverity(t *testing.T) {
	found := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for severity, want := range map[string]string{
		"critical": "2026-03-08T09:00:00Z", "high": "2026-03-31T09:00:00Z", "medium": "2026-05-30T09:00:00Z", "low": "2026-08-28T09:00:00Z",
	} {
		due, ok := findings.Due(severity, found)
		if got := due.Format(time.RFC3339); !ok || got != want {
			t.Errorf("%s: %s, want %s", severity, got, want)
		}
		f := &findings.Finding{Severity: severity, FoundAt: &found}
		if f.Compute(); !f.DueAt.Equal(due) {
			t.Errorf("%s: computed %s", severity, f.DueAt)
		}
	}
	if _, ok := findings.Due("bad", found); ok || len(findings.Severities) != 4 {
		t.Error("there is a fifth severity")
	}
}

// What belongs to a state ends with it.
func TestAReopenedFindingIsNotClosed(t *testing.T) {
	now := time.Now()
	f := &findings.Finding{State: findings.Open, ClosedAt: &now, ClosedBy: "a", RemediatedAt: &now, RemediatedBy: "a", AcceptedAt: &now, AcceptedBy: "a", AcceptedUntil: &now, AcceptedReason: "x"}
	if f.Compute(); f.ClosedAt != nil || f.ClosedBy != "" || f.RemediatedAt != nil || f.RemediatedBy != "" || f.AcceptedAt != nil || f.AcceptedBy != "" || f.AcceptedUntil != nil {
		t.Errorf("%+v", f)
	}
}

func TestTheWatchReopensAndEscalatesOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		now := l.Clock
		if err := l.Door.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := (record.Kinds{findings.Register}).Adopt(context.Background(), l.DB); err != nil {
			t.Fatal(err)
		}
		l.OpenDoor(t)
		do := func(who string, body func(*act.Tx) error) {
			t.Helper()
			if _, err := l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "findings", body); err != nil {
				t.Fatal(err)
			}
		}
		fields := func(text string) (all map[string]json.RawMessage) {
			if err := json.Unmarshal([]byte(text), &all); err != nil {
				t.Fatal(err)
			}
			return all
		}
		do("person/a", func(tx *act.Tx) error {
			for range 2 {
				if _, err := record.Add(tx, findings.Register, fields(finding)); err != nil {
					return err
				}
			}
			return nil
		})
		do("person/b", func(tx *act.Tx) error {
			_, err := record.Move(tx, findings.Register, "FND-2", record.AnyVersion, findings.Accepted, "finding.accept",
				fields(`{"accepted_until":"2026-05-01T00:00:00Z","accepted_reason":"x"}`))
			return err
		})
		job := act.JobCaller("register.watch")
		watch := func(reopened, escalated []string) {
			t.Helper()
			found, err := findings.Watch(context.Background(), l.Door, job)
			if err != nil || !slices.Equal(found.Reopened, reopened) || !slices.Equal(found.Escalated, escalated) {
				t.Errorf("at %s: %+v %v, want %v and %v", now.Now(), found, err, reopened, escalated)
			}
		}
		watch(nil, nil)
		now.Set(time.Date(2026, 4, 10, 0, 0, 0, 0, time.UTC))
		watch(nil, []string{"FND-1"})
		watch(nil, nil)
		now.Set(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))
		watch([]string{"FND-2"}, nil)
		watch(nil, []string{"FND-2"}) // it is overdue since March
		watch(nil, nil)
		if _, err := findings.Watch(context.Background(), l.Door, act.Caller{}); !errors.Is(err, act.ErrDenied) {
			t.Error("nobody may watch")
		}
		l.Verify(t, record.Kinds{findings.Register})
	})
}
