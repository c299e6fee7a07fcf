// Package keyservice has a key service wrap the root key: AWS KMS, or the
// transit engine of HashiCorp Vault and OpenBao. The key that wraps never
// leaves the service; what it gave back is of no use without asking it again.
//
// It must never write a key anywhere, repeat a token or an address in an error,
// or speak to a service on another machine without TLS. Open keyservice.go,
// then transit.go.
package keyservice

import (
	"context"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"

	"github.com/privacyd/privacyd"
)

// The schemes of addresses.
const (
	AWS     = "awskms"         // awskms://alias/privacyd?region=eu-central-1, or awskms:///ARN?region=…
	Transit = "hashivault"     // hashivault://KEY?address=https://bao.example:8200, of Vault or OpenBao
	Local   = "base64key"      // base64key://KEY: the key is in the address, for trying out
	patient = 20 * time.Second // for one answer
)

// LocalAllowed is the variable of the environment without which Local is
// refused.
const LocalAllowed = "PRIVACYD_LOCAL_KEYS"

// Is tells whether address is that of a key service.
func Is(address string) bool {
	scheme, _, ok := strings.Cut(address, "://")
	return ok && (scheme == AWS || scheme == Transit || scheme == Local)
}

// Service wraps and unwraps with one key of a key service.
type Service struct {
	keeper *secrets.Keeper
	scheme string
}

// Open gives the service at address. It asks it nothing yet.
//
// Error code: key_service_invalid.
func Open(ctx context.Context, address string) (*Service, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errAddress()
	}
	s := &Service{scheme: u.Scheme}
	switch u.Scheme {
	case AWS:
		s.keeper, err = openAWS(ctx, u)
	case Transit:
		s.keeper, err = openTransit(u)
	case Local:
		if os.Getenv(LocalAllowed) != "yes" {
			return nil, privacyd.Errorf(privacyd.ClassInvalid, "key_service_invalid",
				"base64key:// has the key in the address, which is not safe. To try things out all the same set %s=yes.", LocalAllowed)
		}
		s.keeper, err = new(localsecrets.URLOpener).OpenKeeperURL(ctx, u)
	default:
		return nil, errAddress()
	}
	if err != nil {
		return nil, explainAddress(err)
	}
	return s, nil
}

// Kind names the service for people: aws_kms, vault_transit or local.
func (s *Service) Kind() string {
	switch s.scheme {
	case AWS:
		return "aws_kms"
	case Transit:
		return "vault_transit"
	default:
		return "local"
	}
}

// Wrap encrypts a key with the service's.
//
// Error codes: key_service_unreachable, key_service_denied, key_service_failed.
func (s *Service) Wrap(ctx context.Context, key []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	wrapped, err := s.keeper.Encrypt(ctx, key)
	return wrapped, s.explain(err)
}

// Unwrap gives back what Wrap was given.
//
// Error codes: those of Wrap, and key_wrong when the service did not wrap it
// with this key.
func (s *Service) Unwrap(ctx context.Context, wrapped []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	key, err := s.keeper.Decrypt(ctx, wrapped)
	return key, s.explain(err)
}

// Close lets go of the service.
func (s *Service) Close() error { return s.keeper.Close() }

// Host tells on which machine the service of an address is, the very one that
// is asked; none: this process, or an address that Open refuses.
func Host(address string) string {
	if server := Server(address); server != nil {
		return server.Hostname()
	}
	return ""
}

// Server is the address of the machine that the service of an address is on;
// nil as Host is empty.
func Server(address string) *url.URL {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	var server *url.URL
	switch u.Scheme {
	case AWS:
		server, err = awsServer(context.Background(), u.Query()) // nobody is asked
	case Transit:
		server, err = transitServer(u.Query())
	}
	if err != nil {
		return nil
	}
	return server
}

// plain tells whether an address would send keys over a network without TLS.
func plain(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

func errAddress() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "key_service_invalid",
		"keys.root is no address of a key service. Give a file's path, awskms://alias/NAME?region=eu-central-1, or hashivault://KEY?address=https://HOST:8200.")
}

func errPlain() error {
	return privacyd.Errorf(privacyd.ClassInvalid, "key_service_invalid",
		"That address would send the root key over the network without TLS. Give an https address; plain http is for this machine alone.")
}
