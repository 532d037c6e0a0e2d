package browser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// What people finished in another system comes in as a table, of which one sees first what
// would become of it: with evidence it finishes the training that they were assigned.
func TestTrainingsThatWereFinishedElsewhere(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "compliance")
	c.meanwhile(t, [][]string{{"training", "assign"}}, v)
	table := filepath.Join(t.TempDir(), "school.csv")
	if err := os.WriteFile(table, []byte("id,person,course,completed_at,evidence\n"+
		"L1,person/E4,course/basics,2026-02-01,certificate 7\n"+
		"L2,person/E5,course/basics,2026-02-01,certificate 8\n"+
		"L3,person/E6,course/basics,2026-02-01,\n"+
		"L4,person/E6,course/knitting,2026-02-01,certificate 9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.goes("/r/training_completions")
	v.follows("main", "/import/training_completions")
	v.do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{table}))
	v.presses("Show what it would do")
	v.holds("main", "Nothing has been written yet", "training_completion/L1", "school.csv:4", "is missing", "school.csv:5", "knitting")
	v.audited("completions-preview")
	if apart := in(v, chromedp.Evaluate[float64](`(a => { const middle = e => { const r = e.getBoundingClientRect(); return r.top + r.height / 2 }; return Math.abs(middle(a.querySelector("button")) - middle(a.querySelector("a"))) })(document.querySelector("main form .actions"))`)); apart > 2 {
		t.Errorf("%v pixels are between the heights of the button and of the link beside it", apart)
	}
	v.goes("/r/trainings?f.state=completed")
	v.holds("main", "No record is like this")
	v.goes("/import/training_completions")
	v.do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{table}))
	v.presses("Show what it would do")
	v.presses("Take the others")
	v.holds("main", "was read to its end", "school.csv:4")

	v.goes("/r/training_completions/L1")
	v.says("Person", "Dora Example")
	v.audited("completion")
	v.follows("main", "/r/trainings/basics.E4.1")
	v.stands("Completed")
	v.says("Evidence", "certificate 7")
	engineer := c.signs(t, "engineer")
	engineer.goes("/training/basics.E4.1")
	engineer.holds("main", "You finished it on")
	engineer.audited("training-finished-elsewhere")
	employee := c.signs(t, "employee")
	employee.goes("/work")
	employee.holds("main", "Finish the training") // what lacks evidence finishes nothing
	c.tests(t, "PPL-07", "finished", 6, 2)
}
