package cli

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/client"
)

type auditExportCmd struct {
	Folder      `embed:""`
	auditFilter `embed:""`
	Workspace   string `help:"Workspace, by slug or id; without it the instance's own log."`
	Format      string `help:"json: one object a line, with proofs; csv: a table, newest first; tiles: a C2SP tlog-tiles folder." default:"json" enum:"json,csv,tiles"`
	Out         string `help:"File or, for tiles, folder to write; it appears when it is whole." required:"" placeholder:"PATH"`
}

// Help says more than one line can.
func (c *auditExportCmd) Help() string {
	return "It waits until a signed checkpoint covers what had been written before. Verify what it wrote with privacyd audit verify. " +
		"A filtered export has a proof with each entry, and says nothing about entries that are not in it; tiles are always the whole log."
}

func (c *auditExportCmd) Run(t *terminal) error {
	write := c.toFile
	if c.Format == "tiles" {
		write = c.toFolder
	}
	var x client.AuditExported
	err := t.with(c.Folder, func(api *client.Client) error {
		return write(func(w io.Writer) (err error) {
			x, err = api.ExportAudit(t.ctx, c.Workspace, c.Format, c.client(), 0, w)
			return err
		})
	})
	if err != nil {
		return err
	}
	t.say("Wrote %s.", c.Out)
	return t.exported(x)
}

// exported says what is not in an export as it should be.
func (t *terminal) exported(x client.AuditExported) error {
	if x.Pending {
		t.say("The newest entries wait for their checkpoint and are not in it. Run the command again in a moment.")
	}
	if x.Damaged > 0 {
		t.say("DAMAGED: %s not there or not whole. Verify an export with privacyd audit verify: it names them, and what was done to them.", countEntries(x.Damaged))
	}
	if x.Pending || x.Damaged > 0 {
		return exit(ExitPartly)
	}
	return nil
}

// toFile writes beside the file and gives it its name when it is whole.
func (c *auditExportCmd) toFile(fill func(io.Writer) error) error {
	out := saved{Out: c.Out}
	part, err := out.create()
	if err != nil {
		return err
	}
	err = fill(part)
	if err == nil {
		err = part.Sync()
	}
	if err = errors.Join(err, part.Close()); err == nil {
		err = os.Rename(part.Name(), c.Out)
	}
	if err != nil {
		err = errors.Join(explainDisk(err), os.Remove(part.Name()))
	}
	return err
}

func explainDisk(err error) error {
	var disk *fs.PathError
	if errors.As(err, &disk) {
		return unwritable(privacyd.ClassUnavailable, disk)
	}
	return err
}

// toFolder unpacks what comes into a folder beside, which gets its name when it
// is whole. One that has something in it is left alone.
func (c *auditExportCmd) toFolder(fill func(io.Writer) error) error {
	if files, err := os.ReadDir(c.Out); len(files) > 0 || (err != nil && !errors.Is(err, fs.ErrNotExist)) {
		return unwritable(privacyd.ClassInvalid, errors.Join(errors.New("it is no empty folder"), err))
	}
	part := filepath.Clean(c.Out) + ".part"
	if err := os.Mkdir(part, 0o700); err != nil {
		return unwritable(privacyd.ClassInvalid, err)
	}
	in, out := io.Pipe()
	unpacked := make(chan error, 1)
	go func() {
		err := unpackTree(in, part)
		_ = in.CloseWithError(err) // so that the sender stops
		unpacked <- err
	}()
	err := fill(out)
	_ = out.CloseWithError(err) // nil is the end
	if failed := <-unpacked; failed != nil {
		err = failed
	}
	if err == nil {
		err = os.Rename(part, c.Out)
	}
	if err != nil {
		return errors.Join(explainDisk(err), os.RemoveAll(part))
	}
	return nil
}

// unpackTree writes the parts of a log into a folder. Only paths that parts of
// a log have are taken.
func unpackTree(r io.Reader, dir string) error {
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, r) // what pads the end
			return err
		}
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if _, err := auditlog.ParsePart(h.Name); err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if err := unpackPart(in, filepath.Join(dir, filepath.FromSlash(h.Name))); err != nil {
			return err
		}
	}
}

func unpackPart(in io.Reader, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	return errors.Join(err, f.Close())
}

type auditProveCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id; without it the instance's own log."`
	Entry     string `arg:"" help:"Entry, as audit list shows it."`
	Out       string `help:"File to write." required:"" placeholder:"FILE"`
}

// Help says more than one line can.
func (c *auditProveCmd) Help() string {
	return "The file is a C2SP tlog-proof: the entry, what can be read of it, and the proof that a signed checkpoint includes it. " +
		"It holds what is personal in the entry."
}

func (c *auditProveCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		proof, err := api.ProveAudit(t.ctx, c.Workspace, c.Entry)
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.Out, proof, 0o600); err != nil {
			return unwritable(privacyd.ClassInvalid, err)
		}
		t.say("Wrote %s. Verify it with: privacyd audit verify %s --key KEY", c.Out, c.Out)
		return nil
	})
}
