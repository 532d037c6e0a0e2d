package communication

import (
	"context"
	"fmt"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// Released is the verb of the event that an announcement was made which was approved with
// what it is about.
const Released = "released"

// Release makes the announcement of a policy's version that has come into force. Whoever
// approved the version approved that it is told: the announcement is made approved, by
// them and at that time, and says with what. It is made once: where one names the version
// that was not withdrawn, whoever wrote it, nothing is made.
func Release(ctx context.Context, door *act.Door, caller act.Caller, a Announcement) error {
	_, err := door.Do(ctx, caller, "announcement.release", a.PolicyVersion, func(tx *act.Tx) error {
		made, err := record.Counted(&tx.Reader, Announcements, fmt.Sprintf("item.policy_version == %q && item.state != %q", a.PolicyVersion, record.Withdrawn))
		if err != nil || made > 0 {
			return err
		}
		now := tx.Now()
		if a.ID, err = record.Numbering(&tx.Reader, Announcements)(); err != nil {
			return err
		}
		a.State, a.Author, a.Authors, a.ApprovedWith, a.ReleasedAt = Approved, caller.ID, []string{caller.ID}, a.PolicyVersion, &now
		_, err = record.Put(tx, Announcements, record.Change{Verb: Released, ID: a.ID, Doc: &a})
		return err
	})
	return err
}
