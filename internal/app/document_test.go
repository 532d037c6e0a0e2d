package app

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
)

// The security policies of the documentation are those that the demonstration's company has
// approved.
func TestTheSecurityPoliciesOfTheDocumentation(t *testing.T) {
	s := played(t, 1, time.Date(2025, 1, 18, 0, 0, 0, 0, time.UTC))
	var made bytes.Buffer
	n, err := s.PolicyDocument(context.Background(), act.Caller{ID: "local/test", Roles: []string{"auditor"}}, &made)
	if err != nil || n < 20 {
		t.Fatalf("%d policies, %v", n, err)
	}
	kept, err := os.ReadFile("../../docs/security-policies.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, made.Bytes()) {
		want, got := bytes.Split(made.Bytes(), []byte("\n")), bytes.Split(kept, []byte("\n"))
		at := 0
		for at < len(want) && at < len(got) && bytes.Equal(want[at], got[at]) {
			at++
		}
		t.Errorf("docs/security-policies.md is another one from line %d on: make it anew with\n"+
			"scaf demo --dir DIR --until 2025-01-18 && scaf policy document --dir DIR -o docs/security-policies.md", at+1)
	}
}
