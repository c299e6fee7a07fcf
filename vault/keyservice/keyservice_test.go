package keyservice_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/keyservice"
	"github.com/privacyd/privacyd/vault/keyservice/keyservicetest"
)

func open(t *testing.T, address string) *keyservice.Service {
	t.Helper()
	s, err := keyservice.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := privacyd.CodeOf(err); got != code {
		t.Errorf("code %q, want %q: %v", got, code, err)
	}
}

var root = bytes.Repeat([]byte{7}, 64)

func wrap(t *testing.T, s *keyservice.Service) []byte {
	t.Helper()
	wrapped, err := s.Wrap(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(wrapped, root[:8]) {
		t.Error("the key is not wrapped")
	}
	return wrapped
}

// TestServices wraps and unwraps with each service, and meets what can be wrong
// with it.
func TestServices(t *testing.T) {
	const local = "base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4="
	const another = "base64key://Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4smGbjm71Nxd0="
	t.Setenv(keyservice.LocalAllowed, "yes")
	bao, aws := keyservicetest.Transit(t), keyservicetest.KMS(t)
	for _, tc := range []struct {
		kind, right, wrong string
		server             *keyservicetest.Server
	}{
		{"vault_transit", bao.Address("a"), bao.Address("b"), bao},
		{"aws_kms", aws.AWSAddress("a"), aws.AWSAddress("b"), aws},
		{"local", local, another, nil},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			s := open(t, tc.right)
			wrapped := wrap(t, s)
			if got, err := s.Unwrap(t.Context(), wrapped); err != nil || !bytes.Equal(got, root) || s.Kind() != tc.kind {
				t.Errorf("unwrapped with %s: %v", s.Kind(), err)
			}
			_, err := s.Unwrap(t.Context(), append(wrapped[:len(wrapped)-4:len(wrapped)-4], "AAAA"...))
			wantCode(t, err, "key_wrong")
			if tc.wrong != "" {
				_, err = open(t, tc.wrong).Unwrap(t.Context(), wrapped)
				wantCode(t, err, "key_wrong")
			}
			if tc.server == nil {
				return
			}
			tc.server.Deny(true)
			_, err = s.Unwrap(t.Context(), wrapped)
			wantCode(t, err, "key_service_denied")
			tc.server.Close()
			_, err = s.Unwrap(t.Context(), wrapped)
			wantCode(t, err, "key_service_unreachable")
		})
	}
}

// TestCancelled says nothing of the address that was about to be asked.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, address := range []string{keyservicetest.Transit(t).Address("a"), keyservicetest.KMS(t).AWSAddress("a")} {
		_, err := open(t, address).Wrap(ctx, root)
		if !errors.Is(err, context.Canceled) || err.Error() != context.Canceled.Error() {
			t.Errorf("%v", err)
		}
	}
}

func TestTransitToken(t *testing.T) {
	s := open(t, keyservicetest.Transit(t).Address("a"))
	for token, code := range map[string]string{"another": "key_service_denied", "": "key_service_denied", keyservicetest.Token: "internal"} {
		t.Setenv("VAULT_TOKEN", token)
		if _, err := s.Wrap(t.Context(), root); token == keyservicetest.Token && err != nil || token != keyservicetest.Token && privacyd.CodeOf(err) != code {
			t.Errorf("with the token %q: %v", token, err)
		}
	}
}

func TestAddressRefused(t *testing.T) {
	t.Setenv("VAULT_ADDR", "")
	for _, address := range []string{
		"gcpkms://projects/p", "hashivault://key", "hashivault://?address=https://bao.example", "hashivault://key?address=ftp://bao.example",
		"hashivault://key?address=http://bao.example:8200", "hashivault://a/b?address=https://bao.example", "hashivault://key?address=https://bao.example&what=1",
		"awskms://alias/a?region=eu-central-1&endpoint=http://kms.example", "awskms://alias/a?region=eu-central-1&what=1", "awskms://alias/a", "awskms://?region=eu-central-1", "awskms://alias/a?region=eu-central-1&endpoint=kms.example",
		"awskms://alias/a?region=fips-us-east-1", "awskms://alias/a?region=us-east-1.example", "awskms://alias/a?region=us-east-1&fips=perhaps",
		"awskms://alias/a?region=us-east-1&fips=true&endpoint=https://kms.example", "awskms://alias/a?region=us-east-1@example",
		"base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4=", "hashivault://%zz",
	} {
		_, err := keyservice.Open(t.Context(), address)
		wantCode(t, err, "key_service_invalid")
	}
}

func TestHost(t *testing.T) {
	for address, want := range map[string]string{
		"awskms://alias/a?region=eu-central-1":                                                       "kms.eu-central-1.amazonaws.com",
		"awskms://alias/a?region=cn-north-1":                                                         "kms.cn-north-1.amazonaws.com.cn",
		"awskms://alias/a?region=cn-northwest-1&dualstack=true":                                      "kms.cn-northwest-1.api.amazonwebservices.com.cn",
		"awskms://alias/a?region=us-gov-west-1":                                                      "kms.us-gov-west-1.amazonaws.com",
		"awskms://alias/a?region=us-gov-west-1&fips=true":                                            "kms-fips.us-gov-west-1.amazonaws.com",
		"awskms://alias/a?region=eusc-de-east-1":                                                     "kms.eusc-de-east-1.amazonaws.eu",
		"awskms://alias/a?region=us-iso-east-1":                                                      "kms.us-iso-east-1.c2s.ic.gov",
		"awskms://alias/a?region=ca-central-1&fips=true":                                             "kms-fips.ca-central-1.amazonaws.com",
		"awskms://alias/a?region=eu-west-1&dualstack=true":                                           "kms.eu-west-1.api.aws",
		"awskms://alias/a?region=us-east-1&fips=1&dualstack=1":                                       "kms-fips.us-east-1.api.aws",
		"awskms://alias/a?region=eu-west-1&fips=0&dualstack=false":                                   "kms.eu-west-1.amazonaws.com",
		"awskms://alias/a?endpoint=http://127.0.0.1:1":                                               "127.0.0.1",
		"awskms://alias/a?region=eu-west-1&endpoint=https://vpce-1.kms.eu-west-1.vpce.amazonaws.com": "vpce-1.kms.eu-west-1.vpce.amazonaws.com",
		"awskms:///arn:aws-cn:kms:cn-north-1:1:key/a?region=cn-north-1":                              "kms.cn-north-1.amazonaws.com.cn",
		"hashivault://key?address=https://bao.example:8200":                                          "bao.example",
		"base64key://smGbjm71Nxd1Ig5FS0wj9SlbzAIrnolCz9bQQ6uAhl4=":                                   "",
	} {
		if got := keyservice.Host(address); got != want {
			t.Errorf("%s is on %q, want %q", address, got, want)
		}
	}
	if keyservice.Is("/a/file") || keyservice.Is("file:///a") || !keyservice.Is("awskms://a") {
		t.Error("an address is taken for what it is not")
	}
}
