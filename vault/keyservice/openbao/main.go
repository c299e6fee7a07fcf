// Command openbao is the core of OpenBao with its transit engine and its HTTP
// API, unsealed, with its storage in memory: a key service of somebody else's
// for tests. It is a module of its own, so that privacyd does not depend on it.
// It must never be used for anything but tests: who starts it reads its root
// token from standard output.
package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/openbao/openbao/builtin/logical/transit"
	baohttp "github.com/openbao/openbao/http"
	"github.com/openbao/openbao/sdk/v2/helper/consts"
	"github.com/openbao/openbao/sdk/v2/logical"
	"github.com/openbao/openbao/sdk/v2/physical/inmem"
	"github.com/openbao/openbao/vault"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	log := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Warn})
	storage, err := inmem.NewInmem(nil, log)
	if err != nil {
		return fmt.Errorf("make its storage: %w", err)
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical: storage, Logger: log, BuiltinRegistry: none{},
		LogicalBackends: map[string]logical.Factory{"transit": transit.Factory, "kv": vault.LeasedPassthroughBackendFactory},
	})
	if err != nil {
		return fmt.Errorf("make the core: %w", err)
	}
	one := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1, StoredShares: 1}
	made, err := core.Initialize(ctx, &vault.InitParams{BarrierConfig: one, RecoveryConfig: one})
	if err != nil {
		return fmt.Errorf("initialise: %w", err)
	}
	share := append([]byte{}, made.SecretShares[0]...) // it is wiped
	if _, err := core.Unseal(share); err != nil {
		return fmt.Errorf("unseal: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Println("http://"+l.Addr().String(), made.RootToken, hex.EncodeToString(made.SecretShares[0]))
	server := &http.Server{Handler: baohttp.Handler.Handler(&vault.HandlerProperties{Core: core}), ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(l)
}

// none is a registry without plugins: the engines are compiled in.
type none struct{}

// Contains implements vault.BuiltinRegistry.
func (none) Contains(string, consts.PluginType) bool { return false }

// Get implements vault.BuiltinRegistry.
func (none) Get(string, consts.PluginType) (func() (interface{}, error), bool) { return nil, false }

// Keys implements vault.BuiltinRegistry.
func (none) Keys(consts.PluginType) []string { return nil }

// DeprecationStatus implements vault.BuiltinRegistry.
func (none) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}
