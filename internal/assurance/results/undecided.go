package results

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/trust/access"
)

// decided finds what people have not decided of a control that is tested over a
// part of the period, who can, and how: without it every result is incomplete.
func (f *finder) decided(part *Part, adoptable bool) error {
	control := part.Control
	if !slices.ContainsFunc(control.Tests, runnable) {
		return nil
	}
	if part.Version == nil {
		return f.approval(part, adoptable)
	}
	design, err := versions.Design(f.from, part.Version.ID, 0)
	if design == nil && err == nil {
		f.add(Missing{
			Kind: MissingAssessment, Control: control.ID, What: "nobody has assessed the design of " + part.Version.ID,
			Who: but("control.assess", control.Owner, "the owner"), Command: "scaf control assess " + control.ID + " --version " + part.Version.ID,
		})
	}
	return err
}

// approval says who brings which file into force where none is.
func (f *finder) approval(part *Part, adoptable bool) error {
	control := part.Control
	all, err := versions.Of(f.from, control.ID, 0)
	if err != nil {
		return err
	}
	m := Missing{Kind: MissingApproval, Control: control.ID}
	waiting := slices.IndexFunc(all, func(v *versions.Version) bool { return v.State == versions.Proposed })
	switch {
	case slices.ContainsFunc(all, func(v *versions.Version) bool { return v.State == versions.Approved }):
		m.What = fmt.Sprintf("no version was in force from %s to %s, and none can be brought into force afterwards", part.From.UTC().Format(time.RFC3339), part.To.UTC().Format(time.RFC3339))
	case waiting >= 0:
		v := all[waiting]
		m.What = v.ID + " is proposed, and nobody has approved it"
		m.Who, m.Command = but("control.approve", v.ProposedBy, "who proposed it"), "scaf control approve "+control.ID+" --version "+v.ID
	case adoptable:
		m.What = "nobody has approved the control file"
		m.Who, m.Command = but("control.approve", control.Owner, "the owner"), "scaf control adopt "+control.ID
	default:
		m.What = "nobody has proposed the control file, and another person approved it"
		m.Who, m.Command = strings.Join(access.Roles.Allowing("control.propose"), ", "), "scaf control propose "+control.ID+" --effective-from DATE"
	}
	f.add(m)
	return nil
}

// but names the roles that allow an action, and who cannot take it all the same.
func but(action, who, why string) string {
	return strings.Join(access.Roles.Allowing(action), ", ") + "; not " + who + ", " + why
}
