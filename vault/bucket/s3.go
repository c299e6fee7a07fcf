package bucket

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	gcaws "gocloud.dev/aws"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"github.com/privacyd/privacyd"
)

// direct sends each request to the address that it is for, and nowhere else: no
// redirect is followed and no proxy of the environment asked.
type direct struct{ *http.Transport }

// Do sends a request.
func (d direct) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }

// wary calls nobody again whose certificate was not believed.
type wary struct{ aws.RetryerV2 }

// IsErrorRetryable implements aws.Retryer.
func (w wary) IsErrorRetryable(err error) bool {
	return privacyd.CertificateFault(err) == "" && w.RetryerV2.IsErrorRetryable(err)
}

// openS3 opens a bucket as the library does, but for what would lead data to
// somewhere else than the address says: redirects, proxies and addresses of the
// environment, and acceleration by edges anywhere. seen looks at connections
// that are believed; nil: nobody does.
func openS3(ctx context.Context, name string, q url.Values, seen func(tls.ConnectionState) error) (*blob.Bucket, error) {
	var options s3blob.Options
	options.KMSEncryptionID, options.EncryptionType = take(q, "kmskeyid"), types.ServerSideEncryption(take(q, "ssetype"))
	if options.EncryptionType != "" && !slices.Contains(options.EncryptionType.Values(), options.EncryptionType) {
		return nil, errors.New("ssetype is not one of those that S3 knows")
	}
	pathStyle, err := takeBool(q, "use_path_style", "s3ForcePathStyle")
	if err != nil {
		return nil, err
	}
	plain, err := takeBool(q, "disable_https")
	if err != nil {
		return nil, err
	}
	cfg, err := gcaws.V2ConfigFromURLParams(ctx, q)
	if err != nil {
		return nil, err
	}
	transport := awshttp.NewBuildableClient().GetTransport()
	if own, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		transport = own.GetTransport() // it has the authorities of AWS_CA_BUNDLE
	}
	transport.Proxy = nil
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	transport.TLSClientConfig.MinVersion = max(transport.TLSClientConfig.MinVersion, tls.VersionTLS12)
	transport.TLSClientConfig.VerifyConnection = seen
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.HTTPClient, o.BaseEndpoint = direct{transport}, nil
		if usual, ok := o.Retryer.(aws.RetryerV2); ok {
			o.Retryer = wary{usual}
		}
		o.UsePathStyle, o.EndpointOptions.DisableHTTPS = pathStyle, plain
	})
	options.RequestChecksumCalculation = cfg.RequestChecksumCalculation
	return s3blob.OpenBucket(ctx, client, name, &options)
}

func take(q url.Values, name string) string {
	value := q.Get(name)
	q.Del(name)
	return value
}

func takeBool(q url.Values, names ...string) (is bool, err error) {
	for _, name := range names {
		if value := take(q, name); value != "" {
			if is, err = strconv.ParseBool(value); err != nil {
				return false, err
			}
		}
	}
	return is, nil
}

// Located is what an object store says of where a bucket lies.
type Located struct {
	Region string // its name there; empty: it does not tell
	Amazon bool   // the store is Amazon's own: its regions are where their names say

	CertificateEnd time.Time // when the store's certificate ends; zero: it has none
}

// Locate asks the store of an address where its bucket lies, whatever the
// address itself says. A folder lies nowhere else.
//
// Error codes: blob_url_invalid, blob_unavailable.
func Locate(ctx context.Context, address string) (Located, error) {
	if _, folder := Folder(address); folder {
		return Located{}, nil
	}
	var seen atomic.Int64 // seconds; connections are looked at as they are made
	b, err := openURL(ctx, address, func(s tls.ConnectionState) error {
		seen.Store(s.PeerCertificates[0].NotAfter.Unix())
		return nil
	})
	if err != nil {
		return Located{}, err
	}
	defer b.Close() //nolint:errcheck // nothing was written
	u, err := url.Parse(address)
	var client *s3.Client
	if err != nil || !b.As(&client) {
		return Located{}, errAddress()
	}
	found := Located{Amazon: amazon(u.Query().Get("endpoint"))}
	found.Region, err = region(ctx, client, u.Host)
	if end := seen.Load(); end != 0 {
		found.CertificateEnd = time.Unix(end, 0).UTC()
	}
	return found, err
}

// amazon tells whether an endpoint is Amazon's own; none is.
func amazon(endpoint string) bool {
	if endpoint == "" {
		return true
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	host := privacyd.HostName(u.Hostname())
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}

func region(ctx context.Context, client *s3.Client, name string) (string, error) {
	head, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	if err == nil && head.BucketRegion != nil && *head.BucketRegion != "" {
		return *head.BucketRegion, nil
	}
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) && answer.Response != nil {
		if told := answer.Response.Header.Get("X-Amz-Bucket-Region"); told != "" {
			return told, nil // also to whom nothing else is told: the bucket lies elsewhere, or is not ours to see
		}
	}
	if err != nil && !errors.As(err, &answer) {
		return "", Explain(err)
	}
	location, err := client.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &name})
	switch {
	case errors.As(err, &answer) && answer.HTTPStatusCode() < http.StatusInternalServerError && apiCode(err) != "NoSuchBucket":
		return "", nil // it may not be asked
	case err != nil:
		return "", Explain(err)
	case location.LocationConstraint == "EU":
		return "eu-west-1", nil
	}
	return string(location.LocationConstraint), nil
}
