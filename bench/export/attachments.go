package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/privacyd/privacyd/bench/measure"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
)

const mostMemoryFiles = 128 << 20

// attachments measures the memory of an export of very many small files from
// the embedded store.
func (b *bench) attachments(ctx context.Context) error {
	dir := filepath.Join(b.dir, "attachments")
	p := measure.Program{Binary: b.binary, Data: filepath.Join(dir, "data")}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	w, err := p.Workspace(ctx, slug)
	if err != nil {
		return err
	}
	say("attachments: writing %s encrypted files, not timed", count(b.files))
	if err := makeFiles(ctx, p.Data, w.ID, b.files); err != nil {
		return err
	}
	e, err := p.Export(ctx, slug, filepath.Join(dir, "export.zip"))
	if err != nil {
		return err
	}
	if got := e.Job.Result.Files; got != int64(b.files) || e.Job.Result.Missing > 0 {
		return fmt.Errorf("the archive has %d files, not %d", got, b.files)
	}
	head := count(b.files) + " attachments, embedded: "
	say("attachments: export %.1f s, command %.1f s, %d MB at most", e.Made.Seconds(), e.Took.Seconds(), e.Peak>>20)
	return b.report(
		memory(head+"peak memory of the process", e.Peak, mostMemoryFiles),
		measure.Figure{What: head + "files a second into the archive", Value: count(int(float64(b.files) / e.Made.Seconds()))},
	)
}

// makeFiles writes blobs and their rows. The blobs are written where and as
// source/blob keeps them, but without waiting for the disk at each.
func makeFiles(ctx context.Context, data, workspace string, n int) error {
	keys, err := openKeys(ctx, data)
	if err != nil {
		return err
	}
	defer keys.Close() //nolint:errcheck // nothing to lose
	db, err := sqldb.OpenSQLite(ctx, filepath.Join(data, "privacyd.db"), keys.DatabaseKey())
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing to lose
	var failed error
	t := table{name: "attachments", columns: []string{"id", "record_type", "record_id", "filename", "content_type", "size", "sha256", "blob"}}
	t.rows = func(n int, yield func([]any) bool) {
		for i := range n {
			key := blob.NewKey(workspace)
			content := fmt.Sprintf("the content of file %d", i)
			if failed = writeFile(ctx, keys, filepath.Join(data, "blobs"), workspace, key, content); failed != nil {
				return
			}
			id := fmt.Sprintf("file-%08d", i)
			if !yield([]any{id, "contact", "contact-0", fmt.Sprintf("note %d.txt", i%1000), "text/plain", len(content), nil, key}) {
				return
			}
		}
	}
	if err := fillTable(ctx, db.Writer(), t, workspace, n); err != nil {
		return err
	}
	return failed
}

func writeFile(ctx context.Context, keys *vault.Vault, blobs, workspace, key, content string) error {
	path := filepath.Join(blobs, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // closed below
	w, err := keys.EncryptTo(ctx, workspace, key, f)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, content); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return f.Close()
}
