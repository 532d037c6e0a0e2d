package access_test

import (
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/trust/access"
)

// A program's token decides nothing that somebody has to answer for, whatever its role.
func TestAProgramDoesNotDecide(t *testing.T) {
	for action, decides := range map[string]bool{
		"policy_version.approve": true, "risk.accept": true, "finding.accept": true, "policy.retire": true, "penetration_test.authorize": true, "commitment.approve": true,
		"control.approve": false, "policy_version.move": false, "record.read": false,
	} {
		for _, role := range []string{"administrator", "executive"} {
			person := access.Roles.Authorize(act.Caller{ID: "person/E1", Roles: []string{role}}, action, "")
			if person != nil {
				t.Errorf("%s as %s: %v", action, role, person)
			}
			if token := access.Roles.Authorize(act.Caller{ID: "token/T1", Roles: []string{role}}, action, ""); (token != nil) != decides {
				t.Errorf("%s by a token as %s: %v", action, role, token)
			}
		}
	}
}
