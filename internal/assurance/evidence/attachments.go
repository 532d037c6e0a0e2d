package evidence

import (
	"encoding/json"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
)

// maxAttached is the most bytes that the files attached to records take in a
// bundle, all together.
const maxAttached = 1 << 30

// attachments are the files attached to records of a period that a bundle
// holds, in the order in which they were attached, and how many it leaves out
// since they would take more than limit bytes: the first one that does not fit,
// and all after it. A record is of the period when its instant lies in it, when
// it names the period, or is the period itself.
func attachments(from populations.Snapshot, period *periods.Period, limit int64) (files []kept[attached.File], left int, err error) {
	all, err := recordsOf(from, attached.Files, func(f *attached.File) bool { return f.State == attached.Kept })
	if err != nil || len(all) == 0 {
		return nil, 0, err
	}
	var kinds []string
	hung := map[string]bool{} // references of records with files
	for i := range all {
		kind, _, _ := strings.Cut(all[i].Value.Ref, "/")
		kinds = append(kinds, kind)
		hung[all[i].Value.Ref] = true
	}
	slices.Sort(kinds)
	of := map[string]bool{periods.Register.Name + "/" + period.Name: true}
	for _, kind := range slices.Compact(kinds) {
		if err := from.Versions(record.Range{Kind: kind, From: period.From, To: period.To}, func(v *record.Version) error {
			of[v.Ref()] = true
			return nil
		}); err != nil {
			return nil, 0, err
		}
		if err := from.Versions(record.Range{Kind: kind}, func(v *record.Version) error {
			if !hung[v.Ref()] {
				return nil
			}
			var says struct {
				Period string `json:"period"`
			}
			if json.Unmarshal(v.Doc, &says) == nil && says.Period == period.Name { // one that says something else there names none
				of[v.Ref()] = true
			}
			return nil
		}); err != nil {
			return nil, 0, err
		}
	}
	taken := int64(0)
	for i := range all {
		switch f := &all[i].Value; {
		case !of[f.Ref]:
		case left > 0 || taken+f.Size > limit:
			left++
		default:
			taken += f.Size
			files = append(files, all[i])
		}
	}
	return files, left, nil
}

// attachedFiles are the hashes of the attached files that the bundle holds,
// sorted.
func (a *account) attachedFiles() []string {
	var all []string
	for i := range a.Attached {
		all = append(all, a.Attached[i].Value.SHA256)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func attachmentPath(hash string) string { return "attachments/" + hash }
