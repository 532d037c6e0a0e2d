package privacy

import (
	"encoding/json"
	"slices"
	"time"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// ActivityReview is that of one quarter: the activity as it was found, beside what its
// notice said.
type ActivityReview struct {
	rounds.Round
	At             time.Time `json:"at" label:"Reviewed at"`
	By             string    `json:"by" label:"Reviewed by" refers:"person"`
	Owner          string    `json:"owner" refers:"person"`
	LawfulGround   string    `json:"lawful_ground"`
	Purposes       []string  `json:"purposes,omitempty"`
	NoticePurposes []string  `json:"notice_purposes,omitempty"`
	Data           []string  `json:"data,omitempty"`
	NoticeData     []string  `json:"notice_data,omitempty"`
	QualityCheck   string    `json:"quality_check"`
}

// keepReview puts a new activity on the list, and keeps what was found of it: a review
// is for one quarter, the first that is due. Another one in a quarter that is reviewed
// changes what is known, and not when the next is due.
func (a *Activity) keepReview(now time.Time, old any) error {
	if old == nil {
		a.ListedAt, a.DueAt = &now, rounds.Quarter.First(now)
		return nil
	}
	before := record.As[Activity](old)
	switch {
	case before.State == ended:
		return record.Refuse("state", "is %s: it stays as it was", ended)
	case a.State == ended:
		a.DueAt = nil
	case a.State == "listed":
		a.ReviewedAt, a.ReviewedBy = nil, ""
	case !record.SameTime(before.ReviewedAt, a.ReviewedAt):
		if round, next, ok := rounds.Quarter.Take(a.DueAt, now); ok {
			a.Reviews, a.DueAt = append(a.Reviews, a.review(round, now, a.ReviewedBy)), next
		}
	}
	return nil
}

func (a *Activity) review(round rounds.Round, at time.Time, by string) ActivityReview {
	return ActivityReview{round, at, by, a.Owner, a.LawfulGround, a.Purposes, a.NoticePurposes, a.Data, a.NoticeData, a.QualityCheck}
}

// toRounds gives a document of before its rounds: it came on the list as rounds.Listed
// says, and that quarter is reviewed if it had been. One that had ended owes the reviews
// until that quarter.
func toRounds(fields map[string]any) error {
	was := &Activity{}
	whole, err := json.Marshal(fields)
	if err == nil {
		err = json.Unmarshal(whole, was)
	}
	if err != nil || was.DueAt == nil {
		return err
	}
	listed := rounds.Listed(*was.DueAt, was.ReviewedAt)
	round := rounds.Quarter.At(listed)
	next := rounds.Quarter.Next(round).DueAt
	set := map[string]any{"listed_at": listed, "due_at": round.DueAt}
	if was.ReviewedAt != nil {
		set["reviews"], set["due_at"] = []ActivityReview{was.review(round, *was.ReviewedAt, was.ReviewedBy)}, next
	}
	if was.State == ended {
		delete(fields, "due_at")
		delete(set, "due_at")
		set["ended_at"] = round.DueAt.AddDate(0, 0, 1)
	}
	delete(fields, "reviewed_due")
	if whole, err = json.Marshal(set); err == nil {
		err = json.Unmarshal(whole, &fields) // which keeps the others
	}
	return err
}

// ActivityRound is the review of an activity that was due in a quarter, done or not:
// the source activity_reviews.
type ActivityRound struct {
	ID             string     `json:"id"` // PA-1@2026-Q1
	Activity       string     `json:"activity"`
	Title          string     `json:"title"`
	Owner          string     `json:"owner"`
	LawfulGround   string     `json:"lawful_ground,omitempty"`
	Purposes       []string   `json:"purposes,omitempty"`
	NoticePurposes []string   `json:"notice_purposes,omitempty"`
	Data           []string   `json:"data,omitempty"`
	NoticeData     []string   `json:"notice_data,omitempty"`
	QualityCheck   string     `json:"quality_check,omitempty"`
	DueAt          *time.Time `json:"due_at" day:"last"`
	ReviewedAt     *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy     string     `json:"reviewed_by,omitempty"`
}

// activityRounds are the reviews of an activity that fall due in the interval: those of
// all quarters while it was on the list.
func activityRounds(a *Activity, from, to time.Time, give func(item any) error) error {
	for round := range rounds.Quarter.Due(a.ListedAt, a.EndedAt, from, to) {
		item := &ActivityRound{ID: a.ID + "@" + round.Name, Activity: a.ID, Title: a.Title, Owner: a.Owner, DueAt: &round.DueAt}
		if at := slices.IndexFunc(a.Reviews, func(one ActivityReview) bool { return one.Name == round.Name }); at >= 0 {
			v := &a.Reviews[at]
			item.Owner, item.LawfulGround, item.QualityCheck = v.Owner, v.LawfulGround, v.QualityCheck
			item.Purposes, item.NoticePurposes, item.Data, item.NoticeData = v.Purposes, v.NoticePurposes, v.Data, v.NoticeData
			item.ReviewedAt, item.ReviewedBy = &v.At, v.By
		}
		if err := give(item); err != nil {
			return err
		}
	}
	return nil
}
