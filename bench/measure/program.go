package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

// Program is the privacyd binary on one data folder.
type Program struct {
	Binary   string
	Data     string // folder
	Database string // PostgreSQL address; empty: the folder's own database
}

// Run runs a command on the folder and gives its standard output.
func (p Program) Run(ctx context.Context, args ...string) ([]byte, Sample, error) {
	args = append(args, "--data", p.Data)
	if p.Database != "" {
		args = append(args, "--database", p.Database)
	}
	c := exec.CommandContext(ctx, p.Binary, args...)
	c.Env = withoutSettings(os.Environ())
	var out bytes.Buffer
	c.Stdout = &out
	s, err := Run(ctx, c)
	return out.Bytes(), s, err
}

// withoutSettings leaves out what would point the binary at another instance.
func withoutSettings(environment []string) []string {
	var kept []string
	for _, e := range environment {
		if !strings.HasPrefix(e, "PRIVACYD_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// Workspace makes an account and a workspace of which it is the admin.
func (p Program) Workspace(ctx context.Context, slug string) (privacyd.Workspace, error) {
	var w privacyd.Workspace
	const admin = "admin@bench.example.org"
	if _, _, err := p.Run(ctx, "account", "create", "--email", admin, "--name", "Admin"); err != nil {
		return w, err
	}
	out, _, err := p.Run(ctx, "workspace", "create", "--slug", slug, "--name", slug, "--admin", admin, "--json")
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(out, &w); err != nil {
		return w, fmt.Errorf("read the workspace: %w", err)
	}
	return w, nil
}

// Import imports a file of records or an archive.
func (p Program) Import(ctx context.Context, slug, file string) (Sample, error) {
	_, s, err := p.Run(ctx, "import", "--workspace", slug, file)
	return s, err
}

// Export is what an export took.
type Export struct {
	Sample               // of the whole command, which also downloads and decrypts the archive
	Job    privacyd.Job  // as the command printed it
	Made   time.Duration // from the job's start to the finished archive
}

// Export exports a workspace to a file.
func (p Program) Export(ctx context.Context, slug, file string) (Export, error) {
	var e Export
	out, s, err := p.Run(ctx, "export", "--workspace", slug, "--out", file, "--json")
	if err != nil {
		return e, err
	}
	e.Sample = s
	if err := json.Unmarshal(out, &e.Job); err != nil {
		return e, fmt.Errorf("read the job: %w", err)
	}
	if e.Job.StartedAt == nil || e.Job.EndedAt == nil {
		return e, fmt.Errorf("export %s: the job says neither when it began nor when it ended", slug)
	}
	e.Made = e.Job.EndedAt.Sub(*e.Job.StartedAt)
	return e, nil
}

// Verify checks an archive.
func (p Program) Verify(ctx context.Context, file string) (Sample, error) {
	return Run(ctx, exec.CommandContext(ctx, p.Binary, "archive", "verify", file))
}

// Forget deletes the archives that the folder keeps, so that many exports do
// not fill the disk.
func (p Program) Forget(w privacyd.Workspace) error {
	return os.RemoveAll(filepath.Join(p.Data, "blobs", w.ID, "exports"))
}
