package main_test

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/privacyd/privacyd/vault/keyservice/keyservicetest"
)

// newKeyService gives `bao VAR`: a key service of its own.
func newKeyService(t *testing.T) scriptCommand {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: bao VAR")
		}
		ts.Setenv(args[0], keyservicetest.NewTransit(t).Address("privacyd"))
		ts.Setenv("VAULT_TOKEN", keyservicetest.Token)
	}
}
