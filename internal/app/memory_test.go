package app

import "testing"

func TestTheEnvironmentDecidesAboutMemory(t *testing.T) {
	t.Cleanup(func() { floor = nil })
	for _, c := range []struct {
		gogc, memlimit string
		want           int
	}{
		{"", "", heapFloor},
		{"100", "", 0},
		{"", "1GiB", 0},
	} {
		floor = nil
		t.Setenv("GOGC", c.gogc)
		t.Setenv("GOMEMLIMIT", c.memlimit)
		TuneMemory()
		if len(floor) != c.want {
			t.Errorf("GOGC=%q GOMEMLIMIT=%q: the floor is %d bytes, want %d", c.gogc, c.memlimit, len(floor), c.want)
		}
	}
}
