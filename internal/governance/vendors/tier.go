package vendors

import "slices"

// Tiers, the one that matters most first (VND-01).
const (
	TierCritical = "critical"
	TierHigh     = "high"
	TierLow      = "low"
)

// Tiers are all of them.
var Tiers = []string{TierCritical, TierHigh, TierLow}

// What a vendor sees, may do, and is for.
var (
	DataClasses   = []string{"none", "public", "internal", "confidential", "personal", "special personal"}
	Accesses      = []string{"none", "read", "write", "production"}
	Criticalities = []string{"low", "medium", "high", "essential"}
)

// Tier is how closely a vendor is looked at; empty where it cannot be said yet.
// It is critical where the service stands still without it, where it reaches
// production, or where it holds special personal data; high where it holds
// personal or confidential data, can write, or matters much; low otherwise.
func Tier(data []string, access, criticality string) string {
	holds := func(class string) bool { return slices.Contains(data, class) }
	switch {
	case len(data) == 0 || access == "" || criticality == "":
		return ""
	case criticality == "essential", access == "production", holds("special personal"):
		return TierCritical
	case criticality == "high", access == "write", holds("personal"), holds("confidential"):
		return TierHigh
	}
	return TierLow
}
