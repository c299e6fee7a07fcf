package vault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"

	"gocloud.dev/blob"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/bucket"
)

// objects keeps records in an object store.
type objects struct{ bucket *blob.Bucket }

func openObjects(ctx context.Context, address string) (*objects, error) {
	b, err := bucket.OpenURL(ctx, address)
	if err != nil {
		return nil, err
	}
	return &objects{bucket: b}, nil
}

// Read implements records.
func (o *objects) Read(ctx context.Context, name string) ([]byte, error) {
	b, err := o.bucket.ReadAll(ctx, name)
	if bucket.Missing(err) {
		return nil, errAbsent
	}
	return b, bucket.Explain(err)
}

// Create implements records. Where the answer was lost, what is stored decides.
func (o *objects) Create(ctx context.Context, name string, record []byte) (bool, error) {
	err := o.bucket.WriteAll(ctx, name, record, &blob.WriterOptions{ContentType: "application/octet-stream", IfNotExist: true})
	if err == nil {
		return true, nil
	}
	if bucket.Exists(err) {
		return false, nil
	}
	if stored, readErr := o.Read(ctx, name); readErr == nil {
		return bytes.Equal(stored, record), nil
	}
	return false, bucket.Explain(err)
}

// Replace implements records.
func (o *objects) Replace(ctx context.Context, name string, record []byte) error {
	if _, err := o.Read(ctx, name); err != nil {
		return err
	}
	return bucket.Explain(o.bucket.WriteAll(ctx, name, record, &blob.WriterOptions{ContentType: "application/octet-stream"}))
}

// Destroy implements records.
func (o *objects) Destroy(ctx context.Context, name string) error {
	if err := o.bucket.Delete(ctx, name); !bucket.Missing(err) {
		return bucket.Explain(err)
	}
	return nil
}

// List implements records.
func (o *objects) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		pages := o.bucket.List(&blob.ListOptions{Prefix: prefix})
		for {
			obj, err := pages.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield("", bucket.Explain(err))
				return
			}
			if !yield(obj.Key, nil) {
				return
			}
		}
	}
}

// refusesTaken proves that the store honours "only if there is none": without
// it two nodes could each make a key for the same person and lose one.
func (o *objects) refusesTaken(ctx context.Context, name string, same []byte) error {
	err := o.bucket.WriteAll(ctx, name, same, &blob.WriterOptions{ContentType: "application/octet-stream", IfNotExist: true})
	switch {
	case bucket.Exists(err):
		return nil
	case err == nil:
		return privacyd.Errorf(privacyd.ClassUnavailable, "keystore_unsuitable",
			"This object store ignores conditional writes (If-None-Match), so several nodes could overwrite each other's keys. "+
				"Use one that has them, or a folder.")
	default:
		return bucket.Explain(err)
	}
}

// Close implements records.
func (o *objects) Close() error { return o.bucket.Close() }
