package cli

import (
	"github.com/spf13/cobra"
)

func (p *program) recordCommand() *cobra.Command {
	return noun("record", "Read and change records of the registers")
}
