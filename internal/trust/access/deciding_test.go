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
		"meeting.confirm": true, "vendor_contract.confirm": true,
		"control.approve": false, "policy_version.move": false, "record.read": false,
	} {
		for _, role := range []string{"ciso", "executive"} {
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

// What people see with their own eyes is not a program's either; what tests of controls came to
// is decided on over the API, too, by two tokens.
func TestAProgramSeesNothing(t *testing.T) {
	for action, sees := range map[string]bool{
		"outage.correct": false, "agreement.correct": false, "data_disposal.witness": false, "media_disposal.release": false, "privacy_breach.judge": false,
		"deviation.confirm": true, "resolution.confirm": true, "control.approve": true,
	} {
		if err := access.Roles.Authorize(act.Caller{ID: "token/T1", Roles: []string{"ciso"}}, action, ""); (err == nil) != sees {
			t.Errorf("%s by a token: %v", action, err)
		}
	}
}

// An account of nobody decides on nothing that another person did: whoever made it may be
// behind it. An auditor is from outside.
func TestAnAccountOfNobodyDoesNotDecide(t *testing.T) {
	for action, decides := range map[string]bool{
		"policy_version.approve": true, "risk.accept": true, "finding.close": true, "deviation.confirm": true, "self_assessment.review": true, "outage.correct": true,
		"control.assess": true, "control.conclude": true, "control.approve": true, "risk.add": false, "risk.move": false, "record.read": false,
	} {
		roles := []string{"ciso"}
		if err := access.Roles.Authorize(act.Caller{ID: "person/E1", Roles: roles}, action, ""); err != nil {
			t.Errorf("%s by a person: %v", action, err)
		}
		if err := access.Roles.Authorize(act.Caller{ID: "account/second", Roles: roles}, action, ""); (err != nil) != decides {
			t.Errorf("%s by an account of nobody: %v", action, err)
		}
	}
	if err := access.Roles.Authorize(act.Caller{ID: "account/outside", Roles: []string{"auditor"}}, "audit.conclude", ""); err != nil {
		t.Errorf("an auditor: %v", err)
	}
}

// What belongs to an office is not done by whoever administers SCAF, but at the machine,
// where the operator enters it for somebody.
func TestAnAdministratorHoldsNoOffice(t *testing.T) {
	roles := []string{"administrator"}
	for _, action := range []string{"policy_version.approve", "policy.retire", "audit.conclude"} {
		if err := access.Roles.Authorize(act.Caller{ID: "person/E1", Roles: roles}, action, ""); err == nil {
			t.Errorf("%s by an administrator", action)
		}
		if err := access.Roles.Authorize(act.Caller{ID: "person/E1", Roles: roles, By: "local/ann"}, action, ""); err != nil {
			t.Errorf("%s entered at the machine: %v", action, err)
		}
		if err := access.Roles.Authorize(act.Caller{ID: "person/E1", Roles: []string{"administrator", "executive", "auditor"}}, action, ""); err != nil {
			t.Errorf("%s by who has the office, too: %v", action, err)
		}
	}
}
