package surface

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// AssignTraining gives a course that is offered to those of its audience who are
// there and need it: for the first time, or again. It returns how many trainings
// are new. Of the people it gives away nothing, so it is not a reading of
// personal data.
func (s *System) AssignTraining(ctx context.Context, caller act.Caller, course string) (int, error) {
	var c *training.Course
	var members []training.Member
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		if c, _, err = training.GetCourse(r, course); err != nil {
			return err
		}
		audience, err := audienceOf(r, c.Audience)
		for _, p := range audience {
			members = append(members, training.Member{Person: people.Register.Name + "/" + p.ID, Since: p.Since()})
		}
		return err
	}); err != nil {
		return 0, err
	}
	return training.Assign(ctx, s.Door, caller, c.ID, members)
}

// CourseJob assigns the courses that are offered, when one has been moved or changed: nobody
// waits for the night.
const CourseJob = "course.follow"

// offering are the events by which a course is offered, and to others.
var offering = map[string][]string{
	typeOf(training.Courses, "moved"): {CourseJob}, typeOf(training.Courses, "set"): {CourseJob}, typeOf(training.Courses, "imported"): {CourseJob},
}

func (s *System) followCourses(ctx context.Context, _ *jobs.Job) error {
	_, err := s.AssignTrainings(ctx, act.JobCaller(CourseJob))
	return err
}

// AssignTrainings does so with every course that is offered.
func (s *System) AssignTrainings(ctx context.Context, caller act.Caller) (assigned int, err error) {
	var all []*training.Course
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		all, err = training.AllOffered(r)
		return err
	}); err != nil {
		return 0, err
	}
	for _, c := range all {
		n, err := s.AssignTraining(ctx, caller, c.ID)
		assigned += n
		if err != nil {
			return assigned, err
		}
	}
	return assigned, nil
}

// MissingTraining counts the people who are there now (they have joined, and not
// left) and have at least one training to finish that is past its due date.
func (s *System) MissingTraining(ctx context.Context) (missing int, err error) {
	now := s.Clock.Now()
	err = s.DB.Read(ctx, func(r *store.Reader) error {
		overdue, err := training.Overdue(r, now)
		if err != nil {
			return err
		}
		var ids []string
		for ref := range overdue {
			if id, ok := strings.CutPrefix(ref, people.Register.Name+"/"); ok {
				ids = append(ids, id)
			}
		}
		for batch := range slices.Chunk(ids, act.MaxBatch) {
			known, err := record.Current(r, people.Register.Name, batch)
			if err != nil {
				return err
			}
			for id, doc := range known {
				var p people.Person
				if err := json.Unmarshal(doc, &p); err != nil {
					return fmt.Errorf("%s/%s: %w", people.Register.Name, id, err)
				}
				if p.State != people.Left && (p.JoinedAt == nil || !p.JoinedAt.After(now)) {
					missing++
				}
			}
		}
		return nil
	})
	return missing, err
}
