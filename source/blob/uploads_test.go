package blob_test

import (
	"bytes"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	gcblob "gocloud.dev/blob"

	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
)

func client(t *testing.T, b *gcblob.Bucket) *s3.Client {
	t.Helper()
	var c *s3.Client
	if !b.As(&c) {
		t.Fatal("not an S3 bucket")
	}
	return c
}

// beginUpload leaves an upload in parts as a killed process does.
func beginUpload(t *testing.T, b *gcblob.Bucket) string {
	t.Helper()
	out, err := client(t, b).CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: aws.String("test-bucket"), Key: aws.String(ws1 + "/half"),
	})
	must(t, err)
	return aws.ToString(out.UploadId)
}

func uploads(t *testing.T, b *gcblob.Bucket) []string {
	t.Helper()
	out, err := client(t, b).ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("test-bucket")})
	must(t, err)
	var ids []string
	for _, u := range out.Uploads {
		ids = append(ids, aws.ToString(u.UploadId))
	}
	return ids
}

// TestParts writes more than one part and breaks another such upload off.
func TestParts(t *testing.T) {
	address := buckettest.S3(t)
	s := open(t, address, newVault(t))
	data := random(35 << 20)
	key := blob.NewKey(ws1)
	write(t, s, ws1, key, data)
	if !bytes.Equal(read(t, s, ws1, key), data) {
		t.Error("came back different")
	}
	w, err := s.Create(t.Context(), ws1, blob.NewKey(ws1))
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	w.Abort()
	if keys := list(t, s, ""); len(keys) != 1 {
		t.Errorf("an upload that was broken off is visible: %v", keys)
	}
	raw, err := bucket.OpenURL(t.Context(), address)
	must(t, err)
	defer raw.Close()
	if left := uploads(t, raw); len(left) > 0 {
		t.Errorf("an upload that was broken off is still stored: %v", left)
	}
}

// TestCleanNothing cleans a bucket to which nothing was ever uploaded in parts.
func TestCleanNothing(t *testing.T) {
	each(t, func(t *testing.T, s *blob.Store) { must(t, s.Clean(t.Context())) })
}
