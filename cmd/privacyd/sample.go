package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/cli"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/examples"
)

const (
	sampleEmail = "admin@example.com"
	sampleSlug  = "acme"
)

// sample fills an empty instance with a workspace to try things out on, and
// prints a sign-in link.
func (h host) sample(ctx context.Context, i *instance, cfg config, o cli.ServeOptions) error {
	c := privacyd.System("sample")
	known, err := i.engine.ListWorkspaces(ctx, c)
	if err == nil && len(known) == 0 {
		err = fillSample(ctx, i, c)
	}
	if err != nil {
		return fmt.Errorf("make the sample workspace: %w", err)
	}
	secret, err := i.engine.CreateSignInLink(ctx, c, sampleEmail)
	if privacyd.CodeOf(err) == "account_not_found" {
		fmt.Fprintln(o.Out, "This instance has workspaces of its own: the sample is left out. Sign-in links: privacyd account link.")
		return nil
	}
	if err != nil {
		return fmt.Errorf("make a sign-in link: %w", err)
	}
	fmt.Fprintf(o.Out, "\nSign in as the sample admin (the link works once, for an hour):\n\n    %s/sign-in/%s\n\n", cfg.BaseURL, secret)
	return nil
}

func fillSample(ctx context.Context, i *instance, c privacyd.Caller) error {
	if _, err := i.engine.CreateAccount(ctx, c, engine.NewAccount{Email: sampleEmail, Name: "Sample Admin"}); err != nil {
		return err
	}
	w, err := i.engine.CreateWorkspace(ctx, c, engine.NewWorkspace{Slug: sampleSlug, Name: "Acme", AdminEmail: sampleEmail})
	if err != nil || i.engine.Records == nil {
		return err
	}
	dir, err := os.MkdirTemp("", "privacyd-sample-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is made-up data
	file := filepath.Join(dir, "sample.ndjson")
	if err := os.WriteFile(file, examples.Sample, 0o600); err != nil {
		return err
	}
	_, err = i.engine.Import(ctx, c, w.ID, engine.ImportSource{File: file})
	return err
}
