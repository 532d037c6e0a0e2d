package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

func TestTheEndOfAnImportFitsIntoTheLedger(t *testing.T) {
	for name, text := range map[string]string{"short": "wrong", "long": strings.Repeat("wröng ", 1000), "escaped": strings.Repeat("\x01", 1000)} {
		t.Run(name, func(t *testing.T) {
			l := ledgertest.New(t, storetest.SQLite(t))
			done := record.Completed{Source: "csv", Register: "people", Summary: &record.Summary{}, Complete: true}
			for i := range 5000 {
				done.Read++
				done.Refuse(fmt.Sprintf("%s:%d", text, i), errors.New(text))
				done.Miss("%s %d", text, i)
			}
			if err := record.Complete(context.Background(), l.Door, ledgertest.Operator, "import.csv", "csv", done); err != nil {
				t.Fatal(err)
			}
			var got record.Completed
			if err := json.Unmarshal(l.Events(t, "scaf.import.completed.v1")[0].Data, &got); err != nil {
				t.Fatal(err)
			}
			if got.Read != 5000 || got.Refused != 5000 || got.Complete || len(got.Reasons) == 0 || len(got.Gaps) == 0 || got.Gaps[0] == "" {
				t.Errorf("read %d, refused %d, complete %v, %d reasons, %d gaps", got.Read, got.Refused, got.Complete, len(got.Reasons), len(got.Gaps))
			}
			if !utf8.ValidString(got.Gaps[0]) || len(done.Gaps) != 5000 || len(done.Reasons) != record.MaxReasons {
				t.Error("the gaps are cut within a character, or the result itself was shortened")
			}
		})
	}
}
