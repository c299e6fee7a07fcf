package records

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/store/sqldb"
)

// uploadTime is how long a blob may lie without a row that names it.
const uploadTime = 24 * time.Hour

func flawOfPath(err error) (*flaw, bool) {
	switch {
	case errors.Is(err, errOutside):
		return &flaw{"path_outside", "the path leads outside the folder of the import file. Put the file into that folder"}, true
	case errors.Is(err, errNotFile):
		return &flaw{"path_not_file", "the path names something that is no file"}, true
	case errors.Is(err, fs.ErrNotExist), privacyd.CodeOf(err) == "archive_file_not_found":
		return &flaw{"file_missing", "the file that path names is not there"}, true
	case errors.Is(err, fs.ErrPermission):
		return &flaw{"file_unreadable", "the file that path names may not be read"}, true
	case privacyd.CodeOf(err) == "path_not_allowed":
		return &flaw{"path_not_allowed", "this import cannot name files by path. Put their contents into content_base64"}, true
	}
	return nil, false
}

// digest counts and hashes what is written to it.
type digest struct {
	hash.Hash
	size int64
}

func newDigest() *digest { return &digest{Hash: sha256.New()} }

func (d *digest) Write(p []byte) (int, error) {
	d.size += int64(len(p))
	return d.Hash.Write(p)
}

func (d *digest) hex() string { return hex.EncodeToString(d.Sum(nil)) }

func digestOf(r io.Reader) (int64, string, error) {
	d := newDigest()
	_, err := io.Copy(d, r)
	return d.size, d.hex(), err
}

// stored is an attachment's content as a row has it.
type stored struct{ blob, sha256 string }

// attachments writes a batch of attachments: what it is about to put into the
// blob store is noted first, then the blobs, then the rows that name them.
func (w *writer) attachments(ctx context.Context, c *Collection, rows []*row) error {
	sortRows(rows)
	s, ws := w.store, w.req.Workspace
	old, err := s.storedContents(ctx, ws, rows, "")
	if err != nil {
		return err
	}
	blobs := make([]string, len(rows))
	var fresh []string
	for i, r := range rows {
		if c.value(r, "content_base64").state != absent || c.value(r, "path").state != absent {
			blobs[i] = blob.NewKey(ws)
			fresh = append(fresh, blobs[i])
		}
	}
	if err := s.intend(ctx, ws, fresh, s.Now().Add(uploadTime)); err != nil {
		return err
	}
	var unused []string
	for i, r := range rows {
		kept, err := w.content(ctx, c, r, blobs[i], old[r.id()])
		if err != nil {
			return err
		}
		if blobs[i] != "" && blobs[i] != kept {
			unused = append(unused, blobs[i])
		}
		blobs[i] = kept
	}
	return s.attach(ctx, ws, c, rows, blobs, old, fresh, unused, w.check)
}

// content puts an attachment's content under key, unless the same is stored
// already, and gives the key of the blob that the row is to name.
func (w *writer) content(ctx context.Context, c *Collection, r *row, key string, old stored) (string, error) {
	if key == "" {
		if old.blob == "" {
			w.result.Missing++
			return "", nil
		}
		return old.blob, w.store.keepContent(ctx, w.req.Workspace, c, r)
	}
	var content io.ReadCloser = io.NopCloser(strings.NewReader(c.value(r, "content_base64").s))
	if path := c.value(r, "path"); path.state != absent {
		var err error
		if content, err = w.req.Source.open(path.s); err != nil {
			return "", w.changed(err)
		}
	}
	defer content.Close() //nolint:errcheck // only read
	kept, size, err := w.store.put(ctx, w.req.Workspace, c, r, key, content, old)
	if err != nil {
		return "", err
	}
	if kept == key {
		w.result.Attachments++
		w.result.Bytes += size
	}
	return kept, nil
}

var errFileChanged = privacyd.Errorf(privacyd.ClassConflict, "file_changed",
	"A file that an attachment names has changed while the import ran.")

// changed says that a file could be read when it was checked and not any more.
func (w *writer) changed(err error) error {
	if _, known := flawOfPath(err); known {
		return errFileChanged
	}
	return fmt.Errorf("open an attachment's file: %w", err)
}

// put writes a content to the blob store and its size and digest into the row.
func (s *Store) put(ctx context.Context, ws string, c *Collection, r *row, key string, content io.Reader, old stored) (string, int64, error) {
	w, err := s.Blobs.Create(ctx, ws, key)
	if err != nil {
		return "", 0, fmt.Errorf("write an attachment: %w", err)
	}
	defer w.Abort()
	d := newDigest()
	if _, err := io.Copy(io.MultiWriter(d, w), content); err != nil {
		return "", 0, fmt.Errorf("write an attachment: %w", err)
	}
	if given := c.value(r, "sha256"); given.state != absent && !strings.EqualFold(given.s, d.hex()) {
		return "", 0, errFileChanged
	}
	c.value(r, "size").set(numeric, "", d.size)
	c.value(r, "sha256").set(textual, d.hex(), 0)
	if old.blob != "" && old.sha256 == d.hex() {
		return old.blob, d.size, nil
	}
	if _, err := w.Commit(); err != nil {
		return "", 0, fmt.Errorf("write an attachment: %w", err)
	}
	return key, d.size, nil
}

func (v *value) set(st state, s string, n int64) { v.state, v.s, v.n = st, s, n }

// keepContent copies what is stored about a content into a row that has none.
func (s *Store) keepContent(ctx context.Context, ws string, c *Collection, r *row) error {
	var size int64
	var sum string
	err := s.DB.QueryRow(ctx, "SELECT size, sha256 FROM attachments WHERE workspace_id = $1 AND id = $2", ws, r.id()).Scan(&size, &sum)
	if err != nil {
		return fmt.Errorf("read an attachment: %w", err)
	}
	c.value(r, "size").set(numeric, "", size)
	c.value(r, "sha256").set(textual, sum, 0)
	return nil
}

func (s *Store) storedContents(ctx context.Context, ws string, rows []*row, lock string) (map[string]stored, error) {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.id()
	}
	old := map[string]stored{}
	// A row without a blob has no value, since NULL makes the whole NULL.
	err := s.pairs(ctx, find{table: "attachments", value: "blob || ' ' || sha256", tail: lock}, ws, ids, func(id, content string) {
		blob, sum, _ := strings.Cut(content, " ")
		old[id] = stored{blob, sum}
	})
	return old, err
}

// intend notes blobs that go at a time unless a row has come to name them.
func (s *Store) intend(ctx context.Context, ws string, blobs []string, due time.Time) error {
	return chunks(len(blobs), func(from, to int) error {
		args := []any{ws, sqldb.Micros(due)}
		var list strings.Builder
		for i, b := range blobs[from:to] {
			if i > 0 {
				list.WriteString(", ")
			}
			fmt.Fprintf(&list, "($1, $2, $%d)", i+3)
			args = append(args, b)
		}
		_, err := s.DB.Exec(ctx, "INSERT INTO record_purges (workspace_id, due_at, blob) VALUES "+list.String()+
			" ON CONFLICT (blob) DO UPDATE SET due_at = excluded.due_at", args...)
		if err != nil {
			return fmt.Errorf("note a blob: %w", err)
		}
		return nil
	})
}

var errChanged = privacyd.Errorf(privacyd.ClassConflict, "attachment_changed",
	"The attachment was changed by somebody else at the same time. Try again.")

// attach writes the rows of blobs that are there, and notes the blobs that no
// row names any more as due.
func (s *Store) attach(ctx context.Context, ws string, c *Collection, rows []*row, blobs []string, old map[string]stored,
	fresh, unused []string, check func(ctx context.Context) error,
) error {
	due := unused
	err := s.inTx(ctx, func(ctx context.Context) error {
		if err := check(ctx); err != nil {
			return err
		}
		if err := s.claim(ctx, ws, fresh); err != nil {
			return err
		}
		now, err := s.storedContents(ctx, ws, rows, s.DB.Dialect.ForUpdate())
		if err != nil {
			return err
		}
		if due, err = replaced(rows, blobs, old, now, unused); err != nil {
			return err
		}
		if err := s.write(ctx, ws, c, rows, nil, blobs); err != nil {
			return err
		}
		return s.intend(ctx, ws, due, s.Now())
	})
	if err != nil || len(due) == 0 {
		return err
	}
	_, err = s.Purge(ctx)
	return err
}

// replaced adds to unused the blobs that rows name now and will not any more.
func replaced(rows []*row, blobs []string, old, now map[string]stored, unused []string) ([]string, error) {
	due := slices.Clone(unused)
	for i, r := range rows {
		is, was := now[r.id()].blob, old[r.id()].blob
		if was != "" && blobs[i] == was && is != was {
			return nil, errChanged
		}
		if is != "" && is != blobs[i] {
			due = append(due, is)
		}
	}
	return due, nil
}

// claim removes the notes about new blobs; one that is gone was purged because
// it took too long.
func (s *Store) claim(ctx context.Context, ws string, blobs []string) error {
	return chunks(len(blobs), func(from, to int) error {
		n, err := s.DB.Exec(ctx, "DELETE FROM record_purges WHERE workspace_id = $1 AND blob IN "+idList(to-from), idArgs(ws, blobs[from:to])...)
		if err != nil {
			return fmt.Errorf("claim a blob: %w", err)
		}
		if int(n) != to-from {
			return privacyd.Errorf(privacyd.ClassConflict, "upload_expired", "The upload took more than a day. Try again.")
		}
		return nil
	})
}

// Purge deletes the blobs that are due: replaced ones, and what a process that
// died has left. It tells how many. It is safe to run at any time, also on
// many nodes.
func (s *Store) Purge(ctx context.Context) (int, error) {
	purged := 0
	for {
		due, err := s.due(ctx)
		if err != nil || len(due) == 0 {
			return purged, err
		}
		for _, blob := range due {
			if err := s.purge(ctx, blob); err != nil {
				return purged, err
			}
			purged++
		}
	}
}

func (s *Store) due(ctx context.Context) ([]string, error) {
	rows, err := s.DB.Query(ctx, "SELECT blob FROM record_purges WHERE due_at <= $1 ORDER BY due_at, blob LIMIT 500", sqldb.Micros(s.Now()))
	if err != nil {
		return nil, fmt.Errorf("find blobs that are due: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var due []string
	for rows.Next() {
		var blob string
		if err := rows.Scan(&blob); err != nil {
			return nil, fmt.Errorf("find blobs that are due: %w", err)
		}
		due = append(due, blob)
	}
	return due, rows.Err()
}

// purge deletes a blob and the note about it. The note goes first, within the
// transaction: an upload that claims it at the same moment has either got it,
// and keeps the blob, or finds it gone.
func (s *Store) purge(ctx context.Context, blob string) error {
	return s.DB.InTx(ctx, func(ctx context.Context) error {
		n, err := s.DB.Exec(ctx, "DELETE FROM record_purges WHERE blob = $1", blob)
		if err != nil {
			return fmt.Errorf("delete a blob: %w", err)
		}
		if n == 0 {
			return nil
		}
		if err := s.Blobs.Delete(ctx, blob); err != nil {
			return fmt.Errorf("delete a blob: %w", err)
		}
		return nil
	})
}
