// Command privacyd is the product as one binary. This package parses the
// configuration, opens databases, keys and files, wires them to engine and
// the doors, and runs. It decides nothing itself.
//
// Open instance.go first: it is the wiring.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/privacyd/privacyd/cli"
)

// version is set when the binary is built.
var version = "0.1.0-dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	app := cli.App{
		Host: host{version: version}, Version: version,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}
	os.Exit(app.Run(ctx, os.Args[1:]))
}
