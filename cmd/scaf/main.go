// Command scaf operates, records and tests an organisation's SOC 2 controls.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones on machines without a database of their own

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/surface/cli"
)

// version is set by the build.
var version = "development"

func main() {
	app.TuneMemory()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, app.New(version))
	stop()
	os.Exit(code)
}
