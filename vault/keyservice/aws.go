package keyservice

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	gcaws "gocloud.dev/aws"
	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"

	"github.com/privacyd/privacyd"
)

// awsKey speaks to AWS KMS: to the region or endpoint of the address, whatever
// the environment and profiles say of endpoints, redirects and proxies. It names
// its key also where it unwraps, so that no other key of the account will do.
type awsKey struct {
	client  *kms.Client
	key     string
	context map[string]string // what a use of the key is bound to
}

// direct sends each request to the address that it is for, and nowhere else.
type direct struct{ *http.Transport }

// Do sends a request.
func (d direct) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }

// wary calls nobody again whose certificate was not believed.
type wary struct{ aws.RetryerV2 }

// IsErrorRetryable implements aws.Retryer.
func (w wary) IsErrorRetryable(err error) bool {
	return privacyd.CertificateFault(err) == "" && w.RetryerV2.IsErrorRetryable(err)
}

// straight has a transport ask no proxy of the environment, and speak no old TLS.
func straight(t *http.Transport) *http.Transport {
	t.Proxy = nil
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.MinVersion = max(t.TLSClientConfig.MinVersion, tls.VersionTLS12)
	return t
}

// openAWS reads awskms://alias/NAME?region=… and awskms:///ARN?region=…, with
// endpoint=https://… for a store other than Amazon's or one inside a network of
// one's own, context_NAME=VALUE, and what says who one is: profile, role.
func openAWS(ctx context.Context, u *url.URL) (*secrets.Keeper, error) {
	k, err := newAWS(ctx, u)
	if err != nil {
		return nil, err
	}
	return secrets.NewKeeper(k), nil
}

func newAWS(ctx context.Context, u *url.URL) (*awsKey, error) {
	k := &awsKey{key: strings.TrimPrefix(path.Join(u.Host, u.Path), "/"), context: map[string]string{}}
	q := u.Query()
	server, err := awsServer(ctx, q)
	if err != nil {
		return nil, err
	}
	if k.key == "" || q.Get("region") == "" {
		return nil, errAddress()
	}
	told := q.Has("fips") || q.Has("endpoint")
	for _, name := range []string{"endpoint", "hostname_immutable", "fips", "dualstack"} { // the server's address has them
		q.Del(name)
	}
	for name, values := range q {
		if bound, ok := strings.CutPrefix(name, "context_"); ok {
			k.context[bound] = values[0]
			q.Del(name)
		}
	}
	cfg, err := gcaws.V2ConfigFromURLParams(ctx, q)
	if err != nil {
		return nil, err
	}
	transport := awshttp.NewBuildableClient().GetTransport()
	if own, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		transport = own.GetTransport() // it has the authorities of AWS_CA_BUNDLE
	}
	endpoint, wantsFIPS := server.String(), false
	k.client = kms.NewFromConfig(cfg, func(o *kms.Options) {
		if usual, ok := o.Retryer.(aws.RetryerV2); ok {
			o.Retryer = wary{usual}
		}
		wantsFIPS = o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled
		o.HTTPClient, o.BaseEndpoint = direct{straight(transport)}, &endpoint
		o.EndpointOptions.UseFIPSEndpoint, o.EndpointOptions.UseDualStackEndpoint = aws.FIPSEndpointStateDisabled, aws.DualStackEndpointStateDisabled
	})
	if wantsFIPS && !told {
		return nil, errFIPS()
	}
	return k, nil
}

// errFIPS refuses to pass over what the environment asks for: whoever set it
// believes that only such endpoints are used.
func errFIPS() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "key_service_invalid",
		"The environment or the AWS profile asks for FIPS endpoints (AWS_USE_FIPS_ENDPOINT, use_fips_endpoint), and keys.root goes by its address alone. Say there which it is: fips=true or fips=false.")
}

// regionName is what Amazon's regions are called.
var regionName = regexp.MustCompile(`^[a-z]{2,5}(-[a-z]+)+-[0-9]+$`)

// awsServer tells where the key of an address is: at the endpoint that it names,
// or at Amazon's of the region, as the library knows it (China and other
// partitions, fips=true, dualstack=true).
func awsServer(ctx context.Context, q url.Values) (*url.URL, error) {
	var p kms.EndpointParameters
	for name, is := range map[string]**bool{"fips": &p.UseFIPS, "dualstack": &p.UseDualStack} {
		value, err := strconv.ParseBool(cmp.Or(q.Get(name), "false"))
		if err != nil {
			return nil, errAddress()
		}
		*is = &value
	}
	if region := q.Get("region"); region != "" {
		if !regionName.MatchString(region) || strings.HasPrefix(region, "fips-") {
			return nil, errAddress()
		}
		p.Region = &region
	}
	if endpoint := q.Get("endpoint"); endpoint != "" {
		e, err := url.Parse(endpoint)
		if err != nil || e.Host == "" || e.Scheme != "https" && e.Scheme != "http" {
			return nil, errAddress()
		}
		if plain(endpoint) {
			return nil, errPlain()
		}
		p.Endpoint = &endpoint
	}
	found, err := kms.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, p)
	if err != nil || found.URI.Host == "" {
		return nil, errAddress()
	}
	return &found.URI, nil
}

// Encrypt implements driver.Keeper.
func (k *awsKey) Encrypt(ctx context.Context, plaintext []byte) ([]byte, error) {
	out, err := k.client.Encrypt(ctx, &kms.EncryptInput{KeyId: &k.key, Plaintext: plaintext, EncryptionContext: k.context})
	if err != nil {
		return nil, err
	}
	return out.CiphertextBlob, nil
}

// Decrypt implements driver.Keeper.
func (k *awsKey) Decrypt(ctx context.Context, ciphertext []byte) ([]byte, error) {
	out, err := k.client.Decrypt(ctx, &kms.DecryptInput{KeyId: &k.key, CiphertextBlob: ciphertext, EncryptionContext: k.context})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

// Close implements driver.Keeper.
func (k *awsKey) Close() error {
	if d, ok := k.client.Options().HTTPClient.(direct); ok {
		d.CloseIdleConnections()
	}
	return nil
}

// ErrorAs implements driver.Keeper.
func (k *awsKey) ErrorAs(err error, i any) bool { return errors.As(err, i) }

// ErrorCode implements driver.Keeper. What AWS says is sorted by its own codes.
func (k *awsKey) ErrorCode(error) gcerrors.ErrorCode { return gcerrors.Unknown }
