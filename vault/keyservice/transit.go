package keyservice

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"
)

// transit speaks to the transit engine of Vault and OpenBao, whose HTTP API is
// the same: https://openbao.org/api-docs/secret/transit/.
type transit struct {
	server    *url.URL
	engine    string // where it is mounted
	key       string
	namespace string
	token     func() (string, error)
	client    direct
}

// openTransit reads hashivault://KEY?address=…&engine=transit&namespace=…. The
// token is in VAULT_TOKEN or BAO_TOKEN, or in the file that VAULT_TOKEN_FILE
// names, which an agent may renew.
func openTransit(u *url.URL) (*secrets.Keeper, error) {
	q := u.Query()
	for name := range q {
		if name != "address" && name != "engine" && name != "namespace" {
			return nil, errAddress()
		}
	}
	server, err := transitServer(q)
	if err != nil {
		return nil, err
	}
	if plain(server.String()) {
		return nil, errPlain()
	}
	t := &transit{server: server, engine: q.Get("engine"), key: strings.Trim(u.Host+u.Path, "/"), namespace: q.Get("namespace"), token: transitToken}
	if t.engine == "" {
		t.engine = "transit"
	}
	if t.key == "" || strings.Contains(t.key, "/") {
		return nil, errAddress()
	}
	t.client = direct{straight(&http.Transport{ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute})}
	return secrets.NewKeeper(t), nil
}

func transitServer(q url.Values) (*url.URL, error) {
	for _, address := range []string{q.Get("address"), os.Getenv("VAULT_ADDR"), os.Getenv("BAO_ADDR")} {
		if address == "" {
			continue
		}
		server, err := url.Parse(address)
		if err != nil || server.Host == "" || (server.Scheme != "https" && server.Scheme != "http") {
			return nil, errAddress()
		}
		return server, nil
	}
	return nil, errAddress()
}

var errNoToken = errors.New("there is no token")

func transitToken() (string, error) {
	for _, name := range []string{"VAULT_TOKEN", "BAO_TOKEN"} {
		if token := os.Getenv(name); token != "" {
			return token, nil
		}
	}
	path := os.Getenv("VAULT_TOKEN_FILE")
	if path == "" {
		return "", errNoToken
	}
	token, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoToken, err)
	}
	return strings.TrimSpace(string(token)), nil
}

// statusError is an answer other than 200.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("the service answered %d", int(s)) }

// Encrypt implements driver.Keeper.
func (t *transit) Encrypt(ctx context.Context, plaintext []byte) ([]byte, error) {
	out, err := t.ask(ctx, "encrypt", "plaintext", base64.StdEncoding.EncodeToString(plaintext))
	return []byte(out.Ciphertext), err
}

// Decrypt implements driver.Keeper.
func (t *transit) Decrypt(ctx context.Context, ciphertext []byte) ([]byte, error) {
	out, err := t.ask(ctx, "decrypt", "ciphertext", string(ciphertext))
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.DecodeString(out.Plaintext)
}

type transitAnswer struct {
	Plaintext  string `json:"plaintext"`
	Ciphertext string `json:"ciphertext"`
}

func (t *transit) ask(ctx context.Context, what, field, value string) (a transitAnswer, err error) {
	token, err := t.token()
	if err != nil {
		return a, err
	}
	body, err := json.Marshal(map[string]string{field: value})
	if err != nil {
		return a, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.server.JoinPath("v1", t.engine, what, t.key).String(), bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Vault-Token", token)
	r.Header.Set("X-Vault-Request", "true")
	if t.namespace != "" {
		r.Header.Set("X-Vault-Namespace", t.namespace)
	}
	response, err := t.client.Do(r)
	if err != nil {
		return a, err
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	if response.StatusCode != http.StatusOK {
		return a, statusError(response.StatusCode)
	}
	const most = 1 << 20
	var envelope struct {
		Data transitAnswer `json:"data"`
	}
	err = json.NewDecoder(io.LimitReader(response.Body, most)).Decode(&envelope)
	return envelope.Data, err
}

// Close implements driver.Keeper.
func (t *transit) Close() error {
	t.client.CloseIdleConnections()
	return nil
}

// ErrorAs implements driver.Keeper.
func (t *transit) ErrorAs(err error, i any) bool { return errors.As(err, i) }

// ErrorCode implements driver.Keeper.
func (t *transit) ErrorCode(err error) gcerrors.ErrorCode {
	var status statusError
	switch {
	case errors.Is(err, errNoToken):
		return gcerrors.PermissionDenied
	case !errors.As(err, &status):
		return gcerrors.Unknown
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return gcerrors.PermissionDenied
	case http.StatusNotFound:
		return gcerrors.NotFound
	case http.StatusBadRequest:
		return gcerrors.InvalidArgument
	default:
		return gcerrors.Internal
	}
}
