// Package buckettest gives tests a real S3 server inside their own process. It
// must not be imported by anything but tests. Open s3.go.
package buckettest

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// Server is an S3 server with one empty bucket.
type Server struct {
	Address string // of the bucket
	Name    string // of the bucket
	URL     string // of the server

	region atomic.Pointer[string]
	asked  atomic.Int64
}

// S3 starts a server with one empty bucket and gives the bucket's address. The
// test cannot be parallel, since credentials come from the environment.
func S3(t *testing.T) string {
	t.Helper()
	return New(t, nil).Address
}

// New starts a server, over TLS where there is a certificate. It does not tell
// where its bucket lies. The test cannot be parallel.
func New(t *testing.T, cert *tls.Certificate) *Server {
	t.Helper()
	s := &Server{Name: "test-bucket"}
	backend := s3mem.New()
	if err := backend.CreateBucket(s.Name); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(s.telling(gofakes3.New(backend).Server()))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // it grumbles over each upload that a test breaks off
	if cert == nil {
		server.Start()
	} else {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12}
		server.StartTLS()
	}
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s.URL = server.URL
	s.Address = s.AddressAt(server.URL)
	return s
}

// AddressAt is the bucket's address by way of another endpoint.
func (s *Server) AddressAt(endpoint string) string {
	q := url.Values{"endpoint": {endpoint}, "region": {"eu-central-1"}, "use_path_style": {"true"}}
	return (&url.URL{Scheme: "s3", Host: s.Name, RawQuery: q.Encode()}).String()
}

// Tell has the server say from now on that its bucket lies in a region, as
// Amazon's does; empty: it says nothing.
func (s *Server) Tell(region string) { s.region.Store(&region) }

// Asked counts the requests that came.
func (s *Server) Asked() int64 { return s.asked.Load() }

func (s *Server) telling(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if region := s.region.Load(); region != nil && *region != "" {
			w.Header().Set("X-Amz-Bucket-Region", *region)
		}
		next.ServeHTTP(w, r)
	})
}
