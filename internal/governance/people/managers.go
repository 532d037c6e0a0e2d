package people

import (
	"slices"
	"strings"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// An HR system tells of people in an order of its own, and of some never: who joins or
// leaves is not refused because of a manager who is not there. Who that is can be seen.

// Unknown are the managers, in their order, whom people name who have not left, and who are
// not in the register, neither by their number nor by their e-mail address.
func Unknown(r *store.Reader) ([]string, error) {
	named, err := record.Values(r, Register, `item.state != "left"`, "manager")
	if err != nil {
		return nil, err
	}
	return unknown(r, named)
}

// unknown are those of some managers who are not in the register.
func unknown(r *store.Reader, named []string) ([]string, error) {
	var ids []string
	for _, ref := range named {
		ids = append(ids, strings.TrimPrefix(ref, Register.Name+"/"))
	}
	there, err := record.Current(r, Register.Name, ids)
	if err != nil {
		return nil, err
	}
	var absent []string
	mails := map[string]bool{}
	for i, ref := range named {
		switch {
		case ref == "" || there[ids[i]] != nil:
			continue
		case strings.Contains(ref, "@") && len(mails) == 0:
			all, err := record.Values(r, Register, "", "email")
			if err != nil {
				return nil, err
			}
			for _, one := range all {
				mails[strings.ToLower(one)] = true
			}
		}
		if !mails[strings.ToLower(ids[i])] {
			absent = append(absent, ref)
		}
	}
	slices.Sort(absent)
	return slices.Compact(absent), nil
}
