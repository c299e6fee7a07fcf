package main

import (
	"context"

	"github.com/privacyd/privacyd/vault"
)

// placedKeys is a vault whose root key goes nowhere but to a place that is
// declared, in an allowed country.
type placedKeys struct {
	*vault.Vault

	cfg config
}

// RotateRoot implements engine.KeyRing.
func (p placedKeys) RotateRoot(ctx context.Context, generation int, to string) error {
	if err := p.declared(to); err != nil {
		return err
	}
	return p.Vault.RotateRoot(ctx, generation, to)
}

// ReplaceRoot implements engine.KeyRing.
func (p placedKeys) ReplaceRoot(ctx context.Context, generation int, to string) error {
	if err := p.declared(to); err != nil {
		return err
	}
	return p.Vault.ReplaceRoot(ctx, generation, to)
}

func (p placedKeys) declared(to string) error {
	if to == "" {
		return nil
	}
	moved := p.cfg
	moved.Keys.Root = to
	_, err := moved.places()
	return err
}
