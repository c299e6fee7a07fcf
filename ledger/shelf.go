package ledger

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/durable"
)

// shelf is where objects lie. What was created is on stable storage when the
// method returns.
type shelf interface {
	// Read gives an object, or fs.ErrNotExist.
	Read(ctx context.Context, name string) ([]byte, error)
	// Create writes an object where there is none. It is false, and nothing is
	// changed, when there is one.
	Create(ctx context.Context, name string, data []byte) (bool, error)
	// Remove removes an object; an absent one is fine.
	Remove(ctx context.Context, name string) error
	// List gives the names after prefix, which ends with a slash, of the objects
	// right below it.
	List(ctx context.Context, prefix string) ([]string, error)
	Close() error
}

// folder keeps objects as files.
type folder struct{ dir string }

func openFolder(dir string) (folder, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return folder{}, bucket.Explain(err)
	}
	if err := durable.MakeDirs(abs); err != nil {
		return folder{}, err
	}
	return folder{abs}, durable.Sweep(abs)
}

func (f folder) path(name string) string { return filepath.Join(f.dir, filepath.FromSlash(name)) }

// Read implements shelf.
func (f folder) Read(_ context.Context, name string) ([]byte, error) {
	b, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fs.ErrNotExist
	}
	return b, bucket.Explain(err)
}

// Create implements shelf.
func (f folder) Create(_ context.Context, name string, data []byte) (bool, error) {
	path := f.path(name)
	if err := durable.MakeDirs(filepath.Dir(path)); err != nil {
		return false, err
	}
	return durable.Place(path, data)
}

// Remove implements shelf.
func (f folder) Remove(_ context.Context, name string) error {
	if err := os.Remove(f.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return bucket.Explain(err)
	}
	return nil
}

// List implements shelf.
func (f folder) List(ctx context.Context, prefix string) ([]string, error) {
	entries, err := os.ReadDir(f.path(prefix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, bucket.Explain(err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasSuffix(e.Name(), durable.NewSuffix) {
			names = append(names, e.Name())
		}
	}
	return names, ctx.Err()
}

// Close implements shelf.
func (f folder) Close() error { return nil }

// objects keeps objects in an object store.
type objects struct{ bucket *blob.Bucket }

func openObjects(ctx context.Context, address string) (objects, error) {
	b, err := bucket.OpenURL(ctx, address)
	if err != nil {
		return objects{}, err
	}
	o := objects{b}
	if err := o.refusesTaken(ctx); err != nil {
		return objects{}, errors.Join(err, b.Close())
	}
	return o, nil
}

// refusesTaken proves that the store honours "only if there is none": without
// it one of two histories of the same size would silently replace the other.
func (o objects) refusesTaken(ctx context.Context) error {
	for range 2 {
		made, err := o.Create(ctx, "check", []byte("privacyd ledger\n"))
		if err != nil || !made {
			return err
		}
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "ledger_unsuitable",
		"This object store ignores conditional writes (If-None-Match), so one checkpoint could overwrite another. "+
			"Use one that has them, or a folder.")
}

// Read implements shelf.
func (o objects) Read(ctx context.Context, name string) ([]byte, error) {
	b, err := o.bucket.ReadAll(ctx, name)
	if bucket.Missing(err) {
		return nil, fs.ErrNotExist
	}
	return b, bucket.Explain(err)
}

// Create implements shelf. Where the answer was lost, what is stored decides.
func (o objects) Create(ctx context.Context, name string, data []byte) (bool, error) {
	err := o.bucket.WriteAll(ctx, name, data, &blob.WriterOptions{ContentType: "text/plain; charset=utf-8", IfNotExist: true})
	if err == nil {
		return true, nil
	}
	if bucket.Exists(err) {
		return false, nil
	}
	if stored, readErr := o.Read(ctx, name); readErr == nil {
		return bytes.Equal(stored, data), nil
	}
	return false, bucket.Explain(err)
}

// Remove implements shelf.
func (o objects) Remove(ctx context.Context, name string) error {
	if err := o.bucket.Delete(ctx, name); !bucket.Missing(err) {
		return bucket.Explain(err)
	}
	return nil
}

// List implements shelf.
func (o objects) List(ctx context.Context, prefix string) ([]string, error) {
	var names []string
	pages := o.bucket.List(&blob.ListOptions{Prefix: prefix, Delimiter: "/"})
	for {
		obj, err := pages.Next(ctx)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, bucket.Explain(err)
		}
		if !obj.IsDir {
			names = append(names, strings.TrimPrefix(obj.Key, prefix))
		}
	}
}

// Close implements shelf.
func (o objects) Close() error { return o.bucket.Close() }
