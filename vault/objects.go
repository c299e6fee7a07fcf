package vault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
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

// Swap implements records. Where the answer was lost, what is stored decides.
func (o *objects) Swap(ctx context.Context, name string, old, record []byte) (bool, error) {
	have, tag, err := o.tagged(ctx, name)
	if err != nil || !bytes.Equal(have, old) {
		return false, err
	}
	err = o.bucket.WriteAll(ctx, name, record, &blob.WriterOptions{
		ContentType: "application/octet-stream",
		BeforeWrite: func(as func(any) bool) error {
			var in *transfermanager.UploadObjectInput
			if !as(&in) {
				return errUnconditional()
			}
			in.IfMatch = &tag
			return nil
		},
	})
	if err == nil {
		return true, nil
	}
	switch stored, readErr := o.Read(ctx, name); {
	case readErr == nil:
		return bytes.Equal(stored, record), nil
	case errors.Is(readErr, errAbsent):
		return false, errAbsent
	}
	return false, bucket.Explain(err)
}

// tagged gives a record and what the store calls these very bytes.
func (o *objects) tagged(ctx context.Context, name string) (record []byte, tag string, err error) {
	r, err := o.bucket.NewReader(ctx, name, nil)
	if bucket.Missing(err) {
		return nil, "", errAbsent
	}
	if err != nil {
		return nil, "", bucket.Explain(err)
	}
	defer r.Close() //nolint:errcheck // it is only read
	var out s3.GetObjectOutput
	if !r.As(&out) || out.ETag == nil {
		return nil, "", errUnconditional()
	}
	record, err = io.ReadAll(r)
	return record, *out.ETag, bucket.Explain(err)
}

func errUnconditional() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "keystore_unsuitable",
		"This object store has no conditional writes (If-Match), so keys cannot be changed in it without the danger that a destroyed one comes back. "+
			"Use one that has them, or a folder.")
}

// refusesStale proves that the store honours "only if it is still that one".
func (o *objects) refusesStale(ctx context.Context, name string, same []byte) error {
	err := o.bucket.WriteAll(ctx, name, same, &blob.WriterOptions{
		ContentType: "application/octet-stream",
		BeforeWrite: func(as func(any) bool) error {
			var in *transfermanager.UploadObjectInput
			if !as(&in) {
				return errUnconditional()
			}
			in.IfMatch = aws.String(`"00000000000000000000000000000000"`)
			return nil
		},
	})
	switch {
	case bucket.Exists(err):
		return nil
	case err == nil:
		return errUnconditional()
	default:
		return bucket.Explain(err)
	}
}

// Tops implements records.
func (o *objects) Tops(ctx context.Context) ([]string, error) {
	var tops []string
	pages := o.bucket.List(&blob.ListOptions{Delimiter: "/"})
	for {
		obj, err := pages.Next(ctx)
		if errors.Is(err, io.EOF) {
			return tops, nil
		}
		if err != nil {
			return nil, bucket.Explain(err)
		}
		if obj.IsDir {
			tops = append(tops, strings.TrimSuffix(obj.Key, "/"))
		}
	}
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
