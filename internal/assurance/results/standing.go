package results

import (
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/versions"
)

// standing is what people decided about the control and its deviations, as of
// the checkpoint: the version in force, its design, and confirmed causes.
type standing struct {
	version *versions.Version // that was tested, where it was in force; else nil
	reasons []string          // why it was not
	design  *versions.Assessment
	known   *judgments.Known
}

// standing reads what people decided from the snapshot.
func (q *Question) standing(from populations.Snapshot) (*standing, error) {
	all, err := versions.Of(from, q.Control.ID, q.Window.AsOf)
	if err != nil {
		return nil, err
	}
	s := &standing{}
	if slices.ContainsFunc(all, func(v *versions.Version) bool { return v.State == versions.Approved }) {
		s.version, s.reasons = q.inForce(versions.Cut(all, q.Window.From, q.Window.To))
	} else {
		s.reasons = []string{"Nobody has approved the control file (" + q.Control.SHA256[:12] + "…): adopt it, or propose it for another person to approve."}
	}
	// The design is that of the file, whether it was in force or not.
	assessed := s.version
	for _, v := range all {
		if assessed == nil && v.SHA256 == q.Control.SHA256 {
			assessed = v
		}
	}
	if assessed != nil {
		if s.design, err = versions.Design(from, assessed.ID, q.Window.AsOf); err != nil {
			return nil, err
		}
	}
	s.known, err = judgments.Of(from, q.Control.ID, q.Test.ID, q.Period, q.Window.AsOf)
	return s, err
}

// inForce is the version whose file is tested, where it is the one in force all
// over the window; else nil and the reasons.
func (q *Question) inForce(parts []versions.Part) (*versions.Version, []string) {
	var reasons []string
	for _, part := range parts {
		span := part.From.UTC().Format(time.RFC3339) + " to " + part.To.UTC().Format(time.RFC3339)
		switch {
		case part.Version == nil:
			reasons = append(reasons, "No approved version of the control was in force from "+span+".")
		case part.Version.SHA256 != q.Control.SHA256:
			reasons = append(reasons, fmt.Sprintf("From %s the version %s was in force (file %s…), and another file was tested (%s…).", span, part.Version.ID, part.Version.SHA256[:12], q.Control.SHA256[:12]))
		case len(parts) > 1:
			reasons = append(reasons, fmt.Sprintf("From %s the version %s was in force: each version is tested over its own dates.", span, part.Version.ID))
		}
	}
	if len(reasons) > 0 {
		return nil, reasons
	}
	return parts[0].Version, nil
}

// notes are what the deviation rule takes of the judgments.
func (s *standing) notes() controltests.Notes {
	notes := s.known.Notes
	notes.DesignLevel = s.design != nil && s.design.Conclusion == controltests.Ineffective
	return notes
}

// conclude fills in what people decided, and what follows from it for the
// conclusion. Operating and because hold what items and sources say.
func (s *standing) conclude(r *Result, d *controltests.Result) {
	missing := func(why ...string) {
		r.Because = append(r.Because, why...)
		if r.Operating != controltests.Ineffective { // what is missing makes nothing better
			r.Operating = controltests.Incomplete
		}
	}
	if s.version != nil {
		r.Version, r.ApprovedBy, r.ApprovedAt = s.version.ID, s.version.ApprovedBy, s.version.ApprovedAt
	} else {
		missing(s.reasons...)
	}
	r.Design = controltests.NotTested
	if s.design == nil {
		missing("Nobody has assessed the design of the control as this file describes it: somebody other than its owner does.")
	} else {
		r.Design, r.Assessment = s.design.Conclusion, s.design.ID
	}
	r.Conclusion = r.Operating
	if r.Design == controltests.Ineffective {
		r.Conclusion = controltests.Ineffective
		r.Because = append(r.Because, fmt.Sprintf("The design was assessed as ineffective (%s, by %s): %s", s.design.ID, s.design.Assessor, s.design.Reason))
	}
	pending, one := 0, 0
	for _, deviation := range d.Deviations {
		if s.known.Pending[deviation.Item] {
			pending++
		}
		if s.known.OneOperator[deviation.Item] {
			one++
		}
	}
	if s.version != nil && s.version.OneOperator() {
		r.Because = append(r.Because, "One operator entered both the proposal and the approval of "+s.version.ID+": that two people acted is that operator's word.")
	}
	if one > 0 {
		r.Because = append(r.Because, fmt.Sprintf("Of %d deviation(s) one operator entered both what was stated and its confirmation: that two people acted is that operator's word.", one))
	}
	if pending > 0 {
		r.Because = append(r.Because, fmt.Sprintf("Of %d deviation(s) a cause or a compensation is stated that nobody else has confirmed: it does not count.", pending))
	}
}

// late says that a version was approved when it had been in force already.
func (s *standing) late(window populations.Window) string {
	if s.version == nil || !s.version.ApprovedAt.After(window.From) {
		return ""
	}
	return fmt.Sprintf("%s was approved at %s, after the period began.",
		s.version.ID, s.version.ApprovedAt.UTC().Format(time.RFC3339))
}
