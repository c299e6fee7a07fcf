package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gocloud.dev/blob"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
)

func TestFolder(t *testing.T) {
	for _, tc := range []struct {
		address, want string
		is            bool
	}{
		{"/var/lib/privacyd", "/var/lib/privacyd", true},
		{"blobs", "blobs", true},
		{"file:///srv/blobs", "/srv/blobs", true},
		{"file://./blobs", "blobs", true},
		{"s3://bucket", "", false},
		{"://", "", false},
	} {
		if got, is := bucket.Folder(tc.address); got != tc.want || is != tc.is {
			t.Errorf("Folder(%q) = %q, %v", tc.address, got, is)
		}
	}
}

func TestOpenURLRefused(t *testing.T) {
	for _, address := range []string{
		"ftp://x", "nothing", "s3://", "s3://b?unknown=1",
		"s3://b?endpoint=http://minio.internal:9000", "s3://b?endpoint=HTTP://10.0.0.1", "s3://b?disable_https=true",
	} {
		if _, err := bucket.OpenURL(t.Context(), address); privacyd.CodeOf(err) != "blob_url_invalid" {
			t.Errorf("OpenURL(%q): %v", address, err)
		}
	}
}

func TestOpenURL(t *testing.T) {
	b, err := bucket.OpenURL(t.Context(), buckettest.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.WriteAll(t.Context(), "a", []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	err = b.WriteAll(t.Context(), "a", []byte("y"), &blob.WriterOptions{IfNotExist: true})
	if !bucket.Exists(err) {
		t.Errorf("a conditional write over something: %v", err)
	}
	if _, err := b.ReadAll(t.Context(), "b"); !bucket.Missing(err) {
		t.Errorf("reading nothing: %v", err)
	}
}

func TestOpenFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if _, err := bucket.OpenFolder(dir, false); privacyd.CodeOf(err) != "blob_missing" && privacyd.CodeOf(err) != "blob_unavailable" {
		t.Errorf("a product's folder that is not there: %v", err)
	}
	if _, err := bucket.OpenFolder(dir, true); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// deviceFull gives the error that a full disk gives.
func deviceFull(t *testing.T) error {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = f.Write([]byte("x"))
	return err
}

func TestExplain(t *testing.T) {
	dir := t.TempDir()
	b, err := bucket.OpenFolder(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	_, missing := b.ReadAll(t.Context(), "anna@example.com.pdf")
	known := privacyd.Errorf(privacyd.ClassInvalid, "some_code", "Some.")
	for _, tc := range []struct {
		name string
		err  error
		code string
	}{
		{"nothing", nil, ""},
		{"known", fmt.Errorf("more: %w", known), "some_code"},
		{"full", deviceFull(t), "disk_full"},
		{"quota", fmt.Errorf("write: %w", syscall.EDQUOT), "disk_full"},
		{"missing", missing, "blob_missing"},
		{"forbidden", &os.PathError{Op: "open", Path: "anna@example.com", Err: syscall.EACCES}, "blob_unavailable"},
		{"other", errors.New("anna@example.com"), "blob_unavailable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := bucket.Explain(tc.err)
			if code := privacyd.CodeOf(got); code != tc.code {
				t.Errorf("code %q, want %q", code, tc.code)
			}
			for e := got; e != nil; e = errors.Unwrap(e) {
				if strings.Contains(e.Error(), "anna") {
					t.Errorf("the key is repeated: %v", e)
				}
			}
		})
	}
}

func TestExplainEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, err := bucket.OpenFolder(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.ReadAll(ctx, "a")
	if got := bucket.Explain(fmt.Errorf("read: %w", ctx.Err())); !errors.Is(got, context.Canceled) {
		t.Errorf("%v (%v)", got, err)
	}
}
