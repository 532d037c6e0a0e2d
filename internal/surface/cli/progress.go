package cli

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows a bar on a terminal for work that may take longer than two
// seconds, and nothing in a pipe. The bar appears with the first update.
func (p *program) progress(what string) (update func(done, total int64), finish func()) {
	if !isTerminal(p.Err) || p.json {
		return func(int64, int64) {}, func() {}
	}
	var bar *progressbar.ProgressBar
	update = func(done, total int64) {
		if bar == nil {
			bar = progressbar.NewOptions64(total,
				progressbar.OptionSetWriter(p.Err), progressbar.OptionSetDescription(what),
				progressbar.OptionShowCount(), progressbar.OptionSetWidth(20), progressbar.OptionSetPredictTime(total > 0),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
		}
		_ = bar.Set64(done)
	}
	return update, func() {
		if bar != nil {
			_ = bar.Clear()
		}
	}
}
