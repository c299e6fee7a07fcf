// Package keyservicetest gives tests key services inside their own process:
// HTTP servers that speak the protocols of AWS KMS and of the transit engine of
// Vault and OpenBao. It must not be imported by anything but tests. Open
// servers.go.
package keyservicetest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Token is what the transit server wants to be shown.
const Token = "test-token"

// Server is a key service. Its keys are in memory.
type Server struct {
	*httptest.Server

	mu     sync.Mutex
	keys   map[string]cipher.AEAD
	denied bool
	asked  int
}

// Deny has the service refuse whoever asks, or serve them again.
func (s *Server) Deny(denied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied = denied
}

// Asked is how often the service was asked.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// key gives the key of a name, which is made when it is asked for first.
func (s *Server) key(name string) (key cipher.AEAD, denied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if s.keys[name] == nil {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // it never fails
		block, _ := aes.NewCipher(secret)
		s.keys[name], _ = cipher.NewGCMWithRandomNonce(block)
	}
	return s.keys[name], s.denied
}

// Transit starts a transit engine. The environment gets its token, so that the
// test cannot be parallel.
func Transit(t *testing.T) *Server {
	t.Helper()
	t.Setenv("VAULT_TOKEN", Token)
	return NewTransit(t)
}

// NewTransit starts a transit engine, and leaves its token to the caller.
func NewTransit(t *testing.T) *Server {
	t.Helper()
	return start(t, func(s *Server) http.Handler { return http.HandlerFunc(s.transit) })
}

// Address is that of a key of a transit server.
func (s *Server) Address(key string) string {
	return "hashivault://" + key + "?address=" + url.QueryEscape(s.URL)
}

// KMS starts an AWS KMS. The environment gets credentials, so that the test
// cannot be parallel.
func KMS(t *testing.T) *Server {
	t.Helper()
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"} {
		t.Setenv(name, value)
	}
	return start(t, func(s *Server) http.Handler { return http.HandlerFunc(s.kms) })
}

// AWSAddress is that of a key of an AWS KMS.
func (s *Server) AWSAddress(key string) string {
	return "awskms://alias/" + key + "?region=eu-central-1&endpoint=" + url.QueryEscape(s.URL)
}

func start(t *testing.T, handler func(s *Server) http.Handler) *Server {
	t.Helper()
	s := &Server{keys: map[string]cipher.AEAD{}}
	s.Server = httptest.NewServer(handler(s))
	t.Cleanup(s.Close)
	return s
}

// transit is https://openbao.org/api-docs/secret/transit/ for one version of
// each key.
func (s *Server) transit(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // v1/transit/encrypt/KEY
	if len(parts) != 4 || parts[0] != "v1" || parts[1] != "transit" {
		answer(w, http.StatusNotFound, map[string]any{"errors": []string{}})
		return
	}
	key, denied := s.key(parts[3])
	if denied || r.Header.Get("X-Vault-Token") != Token {
		answer(w, http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}})
		return
	}
	var in struct{ Plaintext, Ciphertext string }
	_ = json.NewDecoder(r.Body).Decode(&in) // what is not there is empty
	data, ok := map[string]any{}, false
	if parts[2] == "encrypt" {
		var plain []byte
		plain, ok = decode(in.Plaintext)
		data["ciphertext"] = "vault:v1:" + base64.StdEncoding.EncodeToString(key.Seal(nil, nil, plain, nil))
	} else {
		sealed, _ := decode(strings.TrimPrefix(in.Ciphertext, "vault:v1:"))
		plain, err := key.Open(nil, nil, sealed, nil)
		data["plaintext"], ok = base64.StdEncoding.EncodeToString(plain), err == nil
	}
	if !ok {
		answer(w, http.StatusBadRequest, map[string]any{"errors": []string{"cipher: message authentication failed"}})
		return
	}
	answer(w, http.StatusOK, map[string]any{"data": data})
}

// kms is https://docs.aws.amazon.com/kms/latest/APIReference/ for Encrypt and
// Decrypt. As there, a ciphertext says itself which key it is of.
func (s *Server) kms(w http.ResponseWriter, r *http.Request) {
	var in struct {
		KeyID      string `json:"KeyId"`
		Plaintext  []byte
		Ciphertext []byte `json:"CiphertextBlob"`
	}
	_ = json.NewDecoder(r.Body).Decode(&in) // what is not there is empty
	encrypt := r.Header.Get("X-Amz-Target") == "TrentService.Encrypt"
	name, sealed := in.KeyID, in.Ciphertext
	if !encrypt {
		before, after, _ := strings.Cut(string(in.Ciphertext), "\x00")
		name, sealed = before, []byte(after)
	}
	if !encrypt && in.KeyID != "" && in.KeyID != name {
		answer(w, http.StatusBadRequest, map[string]any{"__type": "IncorrectKeyException"})
		return
	}
	key, denied := s.key(name)
	if denied || !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ") {
		answer(w, http.StatusBadRequest, map[string]any{"__type": "AccessDeniedException", "message": "not authorized"})
		return
	}
	if encrypt {
		answer(w, http.StatusOK, map[string]any{"KeyId": name, "CiphertextBlob": append([]byte(name+"\x00"), key.Seal(nil, nil, in.Plaintext, nil)...)})
		return
	}
	plain, err := key.Open(nil, nil, sealed, nil)
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"__type": "InvalidCiphertextException"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"KeyId": name, "Plaintext": plain})
}

func decode(text string) ([]byte, bool) {
	b, err := base64.StdEncoding.DecodeString(text)
	return b, err == nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client sees it
}
