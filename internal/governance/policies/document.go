package policies

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Current are the versions in force, by the policy's id.
func Current(r *store.Reader) ([]*Version, error) {
	var all []*Version
	_, err := record.List(r, Versions, record.Query{Filter: fmt.Sprintf("item.state == %q", InForce), Sort: "policy"}, func(v *record.Version) error {
		one := &Version{}
		all = append(all, one)
		return json.Unmarshal(v.Doc, one)
	})
	slices.SortFunc(all, func(a, b *Version) int { return strings.Compare(a.Policy, b.Policy) })
	return all, err
}

// Document writes the policies in force as one Markdown document, with who
// approved each text, and its hash; approvers says what people call them. The same records
// give the same bytes.
func Document(w io.Writer, organization string, zone *time.Location, all []*Version, approvers map[string]string) error {
	var b strings.Builder
	day := func(at *time.Time) string {
		if at == nil {
			return ""
		}
		return at.In(zone).Format(time.DateOnly)
	}
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	fmt.Fprintf(&b, "# Security policies of %s\n\nMade by `scaf policy document` from the texts that are approved and in force.\n\n", organization)
	b.WriteString("| policy | version | owner | for | approved by | in force since | next review | SHA-256 |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, v := range all {
		fmt.Fprintf(&b, "| %s | %d (%s) | %s | %s | %s | %s | %s | `%s` |\n",
			cell.Replace(v.Title), v.Number, v.ID, cell.Replace(v.Owner), v.Audience, cell.Replace(cmp.Or(approvers[v.ApprovedBy], v.ApprovedBy)), day(v.EffectiveAt), day(v.NextReviewAt), v.SHA256)
	}
	for _, v := range all {
		p, err := catalog.ParsePolicy(v.ID, []byte(v.Text))
		if err != nil {
			return fmt.Errorf("%s: %w", v.ID, err)
		}
		fmt.Fprintf(&b, "\n# %s\n\n%s\n\nOwner: %s. Criteria: %s. Controls: %s.\n\n%s\n", p.Title, p.Summary, p.Owner, strings.Join(p.Criteria, ", "), strings.Join(p.Controls, ", "), strings.TrimSpace(p.Text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
