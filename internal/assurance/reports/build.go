package reports

import (
	"context"
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
)

// view is how the controls stand at an instant, by what the ledger held then.
type view struct {
	*builder
	period    *periods.Period // nil: none was opened
	size      int64           // of the ledger
	at        time.Time
	latest    map[results.Key]results.Result
	concluded []judgments.Conclusion
}

// view reads how things stood at an instant.
func (b *builder) view(period *periods.Period, size int64, at time.Time) (*view, error) {
	v := &view{builder: b, period: period, size: size, at: at, latest: map[results.Key]results.Result{}}
	if period == nil || size == 0 {
		v.period = nil
		return v, nil
	}
	var err error
	if v.latest, err = results.Latest(b.reader, period.Name, size); err != nil {
		return nil, err
	}
	v.concluded, err = judgments.List(b.reader, period.Name, size)
	return v, err
}

func (b *view) control(ctx context.Context, given *controls.Control) (Control, error) {
	line := Control{
		ID: given.ID, Title: given.Title, Owner: given.Owner, Frequency: given.Frequency,
		Criteria: given.Criteria, Parts: []Part{}, Notices: []string{}, Tests: []Test{},
	}
	parts, err := b.parts(ctx, given)
	if err != nil {
		return line, err
	}
	line.awaits = true
	var conclusions, designs, operating, attested []controltests.Conclusion
	for number := range parts {
		part := &parts[number]
		shown, err := b.part(part)
		if err != nil {
			return line, err
		}
		var ofPart []controltests.Conclusion
		for _, test := range part.Control.Tests {
			one := b.test(part, test, &shown)
			one.Part = number
			ofPart = append(ofPart, one.Conclusion)
			state := controltests.NotTested
			if one.Result != nil && one.Conclusion == one.Result.Conclusion { // not one of an earlier control file
				line.Interim = line.Interim || one.Result.Interim
				line.NeedsJudgment = line.NeedsJudgment || one.Result.NeedsJudgment
				state = one.Result.Operating
				if one.Result.Attestation != "" {
					attested = append(attested, one.Result.Attestation)
				}
			}
			operating = append(operating, state)
			line.Tests = append(line.Tests, one)
			line.awaits = line.awaits && test.Population.Awaited
		}
		shown.Conclusion = controltests.Combine(ofPart...)
		conclusions = append(conclusions, ofPart...)
		designs = append(designs, shown.Design)
		line.Parts = append(line.Parts, shown)
	}
	line.Conclusion, line.Operating = controltests.Combine(conclusions...), controltests.Combine(operating...)
	line.Design = controltests.Combine(designs...)
	if len(attested) > 0 {
		line.Attestation = controltests.Combine(attested...)
	}
	if results.Differs(given, parts) {
		line.Notices = append(line.Notices, "The file in use is not the approved version "+parts[len(parts)-1].Version.ID+", which is what is tested: propose the file from a day on, and somebody else approves it.")
	}
	return line, nil
}

// parts are those of the period that have begun.
func (b *view) parts(ctx context.Context, given *controls.Control) ([]results.Part, error) {
	if b.period == nil {
		return []results.Part{{Control: given}}, nil
	}
	parts, err := b.question.Files.Plan(ctx, b.snapshot, b.size, given, b.period)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		if i > 0 && b.period.State == periods.Open && !parts[i].From.Before(b.at) {
			return parts[:i], nil // they are still to take effect
		}
	}
	return parts, nil
}

func (b *view) part(part *results.Part) (Part, error) {
	shown := Part{From: part.From, To: part.To, SHA256: part.Control.SHA256, Design: controltests.NotTested}
	v := part.Version
	if v == nil {
		return shown, nil
	}
	shown.Version, shown.ApprovedBy, shown.ApprovedAt = v.ID, v.ApprovedBy, v.ApprovedAt
	design, err := versions.Design(b.snapshot, v.ID, b.size)
	if design != nil {
		shown.Design, shown.Assessment = design.Conclusion, design.ID
	}
	return shown, err
}

func (b *view) test(part *results.Part, test *controls.Test, shown *Part) Test {
	one := Test{ID: test.ID, Title: test.Title, Kind: test.Kind, Conclusion: controltests.NotTested, Because: []string{}, Concluded: []judgments.Conclusion{}, test: test, from: part.From}
	say := func(reason string) { one.Because = append(one.Because, reason) }
	id := part.Control.ID
	result, ok := b.latest[results.KeyOf(id, test.ID, part.From)]
	if ok {
		for _, c := range b.concluded {
			if c.Result == result.ID {
				one.Concluded = append(one.Concluded, c)
			}
		}
	}
	switch {
	case test.Population.Awaited: // a result of a time when the file was another says nothing
		say("The register " + test.Population.From + " is not there yet.")
		return one
	case !ok:
		say("It has not been performed in this period: test it.")
		return one
	case result.ControlSHA256 != part.Control.SHA256 || !result.Interim && !result.To.Equal(part.To) || result.To.After(part.To):
		// What was tested is not what is in force.
		one.Result = &result
		say("The control file, or the dates at which it is in force, have changed since " + result.ID + " was performed: test it again.")
		return one
	}
	if result.Assessment != "" && result.Assessment != shown.Assessment {
		one.Result = &result
		say("The design has been assessed again since " + result.ID + " was performed (" + shown.Assessment + "): test it again.")
		return one
	}
	one.Result, one.Conclusion = &result, result.Conclusion
	if result.Conclusion != controltests.Effective {
		one.Because = slices.Clone(result.Because)
	}
	if result.Version != shown.Version && result.Version == "" {
		say(shown.Version + " has been approved since " + result.ID + " was performed: test it again.")
	}
	if result.Assessment != shown.Assessment {
		say("The design has been assessed since " + result.ID + " was performed (" + shown.Assessment + "): test it again.")
	}
	return one
}
