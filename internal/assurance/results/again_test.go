package results

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/assurance/controltests"
)

// The hash that is computed piece by piece is that of the evidence file.
func TestHashOfAResultIsThatOfItsFile(t *testing.T) {
	texts := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "<a>&", "\u2028", "\"\\\n"}))
	rapid.Check(t, func(rt *rapid.T) {
		cause := texts.Draw(rt, "cause")
		r := &controltests.Result{
			Control: texts.Draw(rt, "control"), Rate: rapid.Float64Range(0, 1).Draw(rt, "rate"), Open: rapid.SliceOf(texts).Draw(rt, "open"),
			Population: controltests.Population{Count: rapid.Int().Draw(rt, "count")}, Because: []string{},
		}
		for range rapid.IntRange(0, 3).Draw(rt, "deviations") {
			d := controltests.Deviation{Item: texts.Draw(rt, "item")}
			if rapid.Bool().Draw(rt, "noted") {
				d.Cause = &cause
			}
			r.Deviations = append(r.Deviations, d)
		}
		if rapid.Bool().Draw(rt, "state") {
			r.State = &controltests.State{KnownHours: rapid.Float64Range(0, 1e22).Draw(rt, "hours")}
		}
		file, err := json.Marshal(r)
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := writtenSum(r); err != nil || got != sum(file) {
			rt.Fatalf("%s %v, the file is %s", got, err, file)
		}
	})
}
