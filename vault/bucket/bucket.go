// Package bucket opens a folder or an object store by one address, with the
// settings that keep both safe, and explains their errors to people.
//
// It must never write anything itself, and never repeats a key or an address
// in an error: a product's keys may hold people's names, an address a secret.
// Open bucket.go,
// then s3.go and explain.go.
package bucket

import (
	"context"
	"crypto/tls"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"

	"github.com/privacyd/privacyd"
)

// Folder tells the folder that address means: a plain path or a file URL. It
// is false for every other URL.
func Folder(address string) (string, bool) {
	if !strings.Contains(address, "://") {
		return address, true
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != fileblob.Scheme {
		return "", false
	}
	if u.Host == "." {
		return strings.TrimPrefix(u.Path, "/"), true
	}
	return u.Path, true
}

// OpenFolder opens the folder dir as a bucket. A private one is made when it is
// absent, with mode 0700. Temporary files lie beside their target, since a
// rename across file systems is not possible.
//
// Error codes: blob_unavailable, disk_full.
func OpenFolder(dir string, private bool) (*blob.Bucket, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, Explain(err)
	}
	opts := &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite}
	if private {
		opts.DirFileMode = 0o700
		if err := os.MkdirAll(abs, 0o700); err != nil {
			return nil, Explain(err)
		}
	}
	b, err := fileblob.OpenBucket(abs, opts)
	if err != nil {
		return nil, Explain(err)
	}
	return b, nil
}

// OpenURL opens an object store such as s3://name?region=eu-central-1.
//
// Error codes: blob_url_invalid for an address that is not understood or would
// send data unencrypted over a network, blob_unavailable.
func OpenURL(ctx context.Context, address string) (*blob.Bucket, error) {
	return openURL(ctx, address, nil)
}

func openURL(ctx context.Context, address string, seen func(tls.ConnectionState) error) (*blob.Bucket, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errAddress()
	}
	if u.Scheme != s3blob.Scheme || u.Host == "" {
		return nil, errAddress()
	}
	q := u.Query()
	if insecure(q) {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "blob_url_invalid",
			"That address would send data over the network without TLS. Give an https endpoint; plain http is for this machine alone.")
	}
	if q.Get("endpoint") != "" {
		// Stores other than Amazon's refuse or mangle the checksums that the
		// SDK adds by itself.
		setDefault(q, "request_checksum_calculation", "when_required")
		setDefault(q, "response_checksum_validation", "when_required")
	}
	b, err := openS3(ctx, u.Host, q, seen)
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "blob_url_invalid",
			"The storage address has a setting that is not understood. Give it as s3://bucket?region=eu-central-1, "+
				"with endpoint=https://… for a store other than Amazon's.")
	}
	return b, nil
}

func errAddress() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "blob_url_invalid",
		"The storage address is not understood. Give a folder, or s3://bucket?region=eu-central-1.")
}

func setDefault(q url.Values, name, value string) {
	if !q.Has(name) {
		q.Set(name, value)
	}
}

func insecure(q url.Values) bool {
	endpoint := q.Get("endpoint")
	u, err := url.Parse(endpoint)
	if err == nil && privacyd.LocalHost(u.Hostname()) {
		return false
	}
	plain := strings.HasPrefix(strings.ToLower(endpoint), "http://")
	off := strings.ToLower(q.Get("disable_https"))
	return plain || (off != "" && off != "false" && off != "0")
}
