// Package buckettest gives tests a real S3 server inside their own process. It
// must not be imported by anything but tests. Open s3.go.
package buckettest

import (
	"io"
	"log"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// S3 starts a server with one empty bucket and gives the bucket's address. The
// test cannot be parallel, since credentials come from the environment.
func S3(t *testing.T) string {
	t.Helper()
	backend := s3mem.New()
	const name = "test-bucket"
	if err := backend.CreateBucket(name); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(gofakes3.New(backend).Server())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it grumbles over each upload that a test breaks off
	server.Start()
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	q := url.Values{"endpoint": {server.URL}, "region": {"eu-central-1"}, "use_path_style": {"true"}}
	return (&url.URL{Scheme: "s3", Host: name, RawQuery: q.Encode()}).String()
}
