package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// printHelp writes what a command does, and how it is called. Paragraphs are
// filled; lines that begin with a space are examples and stay as they are.
func (p *program) printHelp(c *cobra.Command) {
	long := c.Long
	if long == "" {
		long = c.Short
	}
	for _, paragraph := range strings.Split(strings.TrimSpace(long), "\n\n") {
		var text []string
		for _, line := range strings.Split(paragraph, "\n") {
			if !strings.HasPrefix(line, " ") {
				text = append(text, line)
				continue
			}
			if text != nil {
				wrapped(p.Out, "", strings.Join(text, " "))
				text = nil
			}
			printf(p.Out, "%s\n", line)
		}
		if text != nil {
			wrapped(p.Out, "", strings.Join(text, " "))
		}
		printf(p.Out, "\n")
	}
	use := c.UseLine()
	if c.HasAvailableSubCommands() {
		use = c.CommandPath() + " COMMAND"
	}
	printf(p.Out, "Usage:\n")
	wrapped(p.Out, "  ", use)
	if c.HasExample() {
		printf(p.Out, "\nExamples:\n%s\n", c.Example)
	}
	if c.HasAvailableSubCommands() {
		printf(p.Out, "\nCommands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				printf(p.Out, "  %-14s %s\n", sub.Name(), sub.Short)
			}
		}
	}
	if c.HasAvailableLocalFlags() {
		printf(p.Out, "\nFlags:\n%s", c.LocalFlags().FlagUsages())
	}
	if c.HasAvailableInheritedFlags() {
		printf(p.Out, "\nGlobal flags:\n%s", c.InheritedFlags().FlagUsages())
	}
	if c.HasAvailableSubCommands() {
		printf(p.Out, "\n%s COMMAND --help says more of a command.\n", c.CommandPath())
	}
}
