package auditlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// WriteTiles writes the log into a folder as C2SP tlog-tiles has it, with the
// older checkpoints and the disclosures beside (see Part). The folder must be
// empty or not there; filters are not possible. Checkpoints are written last,
// so that a folder that has them is whole, and they cover the erasures that
// were entered while it was written. ErrNotSequenced: nothing is signed yet.
func (v *View) WriteTiles(ctx context.Context, dir string, o Export) (Written, error) {
	if len(v.heads) == 0 {
		return Written{}, fmt.Errorf("write the audit log as tiles: %w", ErrNotSequenced)
	}
	if err := emptyFolder(dir); err != nil {
		return Written{}, fmt.Errorf("write the audit log as tiles: %w", err)
	}
	t := &tileWriter{dir: dir, export: o, made: map[string]bool{}}
	err := t.write(ctx, v)
	t.written.Damaged = t.damaged
	if err != nil {
		return t.written, fmt.Errorf("write the audit log as tiles: %w", err)
	}
	return t.written, nil
}

func emptyFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look into the folder: %w", err)
	}
	if len(files) > 0 {
		return fmt.Errorf("the folder is not empty: %w", fs.ErrExist)
	}
	return nil
}

type tileWriter struct {
	dir     string
	export  Export
	written Written
	damaged int64
	made    map[string]bool // folders
}

// write goes on until no erasure was entered meanwhile: what one erased may be
// missing in what was just written.
func (t *tileWriter) write(ctx context.Context, v *View) error {
	for {
		if err := t.parts(ctx, v, false); err != nil {
			return err
		}
		now, err := v.log.View(ctx, v.name)
		if err != nil {
			return err
		}
		erased, err := erasedSince(ctx, v, now)
		if err != nil {
			return err
		}
		if !erased {
			return t.parts(ctx, v, true)
		}
		v = now
	}
}

// erasedSince tells whether an erasure was entered between two views.
func erasedSince(ctx context.Context, before, now *View) (bool, error) {
	for _, h := range now.heads {
		var from int64
		if old, err := before.head(h.Epoch); err == nil {
			from = old.Size
		}
		for p, err := range now.Entries(ctx, h.Epoch, min(from, h.Size), h.Size) {
			if p.Index < 0 {
				return false, err
			}
			if err == nil && p.Action == ActionErased {
				return true, nil
			}
		}
	}
	return false, nil
}

// parts writes the parts that are not there yet, either the checkpoints or all
// others.
func (t *tileWriter) parts(ctx context.Context, v *View, checkpoints bool) error {
	t.written = Written{}
	for _, h := range v.heads {
		for p := range Parts(h.Epoch, h.Size) {
			if p.Kind == PartEntries {
				t.written.Entries += int64(p.Width)
			}
			if (p.Kind == PartCheckpoint || p.Kind == PartOlder) != checkpoints {
				continue
			}
			if err := t.part(ctx, v, p); err != nil {
				return err
			}
			if t.export.Progress != nil && p.Kind == PartEntries {
				t.export.Progress(t.written.Entries, h.Size)
			}
		}
	}
	return nil
}

func (t *tileWriter) part(ctx context.Context, v *View, p Part) error {
	name := filepath.Join(t.dir, filepath.FromSlash(p.Path()))
	if dir := filepath.Dir(name); !t.made[dir] {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		t.made[dir] = true
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}
	damaged, err := v.writePart(ctx, f, p, t.export)
	t.damaged += damaged
	if err = errors.Join(err, f.Close()); err == nil {
		return nil
	}
	return errors.Join(err, os.Remove(name))
}
