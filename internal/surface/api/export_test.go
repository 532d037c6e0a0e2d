package api

// Line is a line of the table of routes, for tests.
type Line struct {
	Method, Path, Action string
	Signed               bool
}

// Routes gives the table.
func Routes() []Line {
	var lines []Line
	for _, r := range routes {
		lines = append(lines, Line{r.method, r.path, r.action, r.signed})
	}
	return lines
}

// Split is split.
var Split = split
