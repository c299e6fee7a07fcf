package bucket_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/egress/tlstest"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
)

func TestLocate(t *testing.T) {
	s := buckettest.New(t, nil)
	for _, region := range []string{"", "eu-central-1", "us-east-1"} {
		s.Tell(region)
		got, err := bucket.Locate(t.Context(), s.Address)
		if want := (bucket.Located{Region: region}); err != nil || got != want {
			t.Errorf("the bucket lies in %+v, want %+v: %v", got, want, err)
		}
	}
	if got, err := bucket.Locate(t.Context(), t.TempDir()); err != nil || got != (bucket.Located{}) {
		t.Errorf("a folder lies in %+v: %v", got, err)
	}
	gone := strings.Replace(s.Address, s.Name, "other-bucket", 1)
	s.Tell("")
	if _, err := bucket.Locate(t.Context(), gone); privacyd.CodeOf(err) != "blob_unavailable" {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

// TestLocateMoved asks a store that answers as Amazon's does for a bucket in
// another region.
func TestLocateMoved(t *testing.T) {
	s := buckettest.New(t, nil)
	moved := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Bucket-Region", "us-west-2")
		w.WriteHeader(http.StatusMovedPermanently)
	}))
	defer moved.Close()
	if got, err := bucket.Locate(t.Context(), s.AddressAt(moved.URL)); err != nil || got.Region != "us-west-2" {
		t.Errorf("the bucket lies in %+v: %v", got, err)
	}
}

// TestNothingLeadsElsewhere writes by way of a server that redirects, while the
// environment names yet another one.
func TestNothingLeadsElsewhere(t *testing.T) {
	elsewhere := buckettest.New(t, nil)
	t.Setenv("AWS_ENDPOINT_URL", elsewhere.URL)
	t.Setenv("AWS_ENDPOINT_URL_S3", elsewhere.URL)
	var came atomic.Int64
	redirecting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came.Add(1)
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer redirecting.Close()
	b, err := bucket.OpenURL(t.Context(), elsewhere.AddressAt(redirecting.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // nothing was written
	if err := b.WriteAll(t.Context(), "a", []byte("x"), nil); err == nil {
		t.Error("a redirect was taken for a bucket")
	}
	if elsewhere.Asked() != 0 || came.Load() == 0 {
		t.Errorf("%d requests came where they were redirected to, %d where they were for", elsewhere.Asked(), came.Load())
	}
}

// TestCertificatesOfBuckets sends nothing to a store whose certificate is not
// believed.
func TestCertificatesOfBuckets(t *testing.T) {
	ours, strange := tlstest.New(t), tlstest.New(t)
	t.Setenv("AWS_CA_BUNDLE", ours.File(t))
	here := []string{"127.0.0.1"}
	for name, c := range map[string]struct {
		cert tls.Certificate
		says string
	}{
		"right":            {ours.Issue(t, tlstest.Wanted{Hosts: here}), ""},
		"expired":          {ours.Issue(t, tlstest.Wanted{Hosts: here, Life: -time.Hour}), "valid from"},
		"for another name": {ours.Issue(t, tlstest.Wanted{Hosts: []string{"s3.example.test"}}), "another name"},
		"of a stranger":    {strange.Issue(t, tlstest.Wanted{Hosts: here}), "nobody whom this machine trusts"},
	} {
		t.Run(name, func(t *testing.T) {
			s := buckettest.New(t, &c.cert)
			b, err := bucket.OpenURL(t.Context(), s.Address)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close() //nolint:errcheck // the write is what counts
			err = bucket.Explain(b.WriteAll(t.Context(), "a", []byte("x"), nil))
			if c.says == "" && err != nil || c.says != "" && !strings.Contains(privacyd.MessageOf(err), c.says) {
				t.Errorf("error %v, want one that says %q", err, c.says)
			}
			if c.says != "" && s.Asked() != 0 {
				t.Error("something was sent")
			}
		})
	}
}

// TestOldTLSOfBuckets sends nothing to a store that speaks TLS 1.1 at best.
func TestOldTLSOfBuckets(t *testing.T) {
	ours := tlstest.New(t)
	t.Setenv("AWS_CA_BUNDLE", ours.File(t))
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	old, asked := tlstest.Old(t, ours.Issue(t, tlstest.Wanted{Hosts: []string{"127.0.0.1"}}))
	b, err := bucket.OpenURL(t.Context(), (&buckettest.Server{Name: "b"}).AddressAt(old))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // the write is what counts
	if err := b.WriteAll(t.Context(), "a", []byte("x"), nil); err == nil || asked.Load() > 0 {
		t.Errorf("asked %d times: %v", asked.Load(), err)
	}
}
