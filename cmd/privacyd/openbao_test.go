//go:build services

package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// openBao is the key service that scripts/test-services builds: OpenBao's own
// code, with its transit engine.
type openBao struct {
	t                   *testing.T
	url, root, unsealer string
	process             *os.Process
}

func newOpenBao(t *testing.T) *openBao {
	t.Helper()
	c := exec.CommandContext(t.Context(), tool(t, "openbao"))
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill() // it may have ended
		_ = c.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	parts := strings.Fields(line)
	if err != nil || len(parts) != 3 {
		t.Fatalf("openbao said %q: %v", line, err)
	}
	return &openBao{t, parts[0], parts[1], parts[2], c.Process}
}

// ask calls OpenBao's API with its root token.
func (b *openBao) ask(method, path string, body map[string]any) (answer map[string]any) {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+"/v1/"+path, bytes.NewReader(text))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("X-Vault-Token", b.root)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()                        //nolint:errcheck // it was only read
	_ = json.NewDecoder(res.Body).Decode(&answer) // some answers are empty
	if res.StatusCode >= 300 {
		b.t.Fatalf("openbao %s %s: %s %v", method, path, res.Status, answer)
	}
	return answer
}

// begin makes the engine, a key, and a token with the rights that
// docs/deployment.md names.
func (b *openBao) begin(key string) (token string) {
	b.t.Helper()
	b.ask("POST", "sys/mounts/transit", map[string]any{"type": "transit"})
	b.ask("POST", "transit/keys/"+key, nil)
	rules := fmt.Sprintf(`path "transit/encrypt/%s" { capabilities = ["update"] } path "transit/decrypt/%s" { capabilities = ["update"] }`, key, key)
	b.ask("PUT", "sys/policies/acl/privacyd", map[string]any{"policy": rules})
	made := b.ask("POST", "auth/token/create", map[string]any{"policies": []string{"privacyd"}})
	return made["auth"].(map[string]any)["client_token"].(string)
}

// TestOpenBao runs the product with its root key in OpenBao, through what may
// happen to a key service.
func TestOpenBao(t *testing.T) {
	b := newOpenBao(t)
	token := b.begin("privacyd")
	address := "hashivault://privacyd?address=" + url.QueryEscape(b.url)
	i := newInstallation(t, "PRIVACYD_KEYS_ROOT="+address, "VAULT_TOKEN="+token)
	i.workspace("records.read")
	if _, err := os.Stat(filepath.Join(i.dir, "data", "keys", "root.key")); err == nil {
		t.Error("the root key is in a file")
	}
	i.must("workspace", "list")
	b.ask("POST", "transit/keys/privacyd/rotate", nil)
	i.must("workspace", "list")
	i.must("key", "rotate", "--root")
	if out := i.must("key", "list"); !strings.Contains(out, "vault_transit") {
		t.Errorf("key list says %s", out)
	}
	i.must("workspace", "list")
	refused := func(what, code string, undo func()) {
		t.Helper()
		_, said, status := i.run("workspace", "list")
		if status != 1 || !strings.Contains(said, "("+code+")") {
			t.Errorf("%s: status %d, %s", what, status, said)
		}
		t.Logf("%s: %s", what, said)
		undo()
		i.must("workspace", "list")
	}
	b.ask("PUT", "sys/policies/acl/privacyd", map[string]any{"policy": `path "transit/encrypt/privacyd" { capabilities = ["update"] }`})
	refused("a token that may not decrypt", "key_service_denied", func() {
		b.ask("PUT", "sys/policies/acl/privacyd", map[string]any{"policy": `path "transit/*" { capabilities = ["update"] }`})
	})
	b.ask("POST", "transit/keys/privacyd/rotate", nil)
	b.ask("POST", "transit/keys/privacyd/config", map[string]any{"min_decryption_version": 3})
	refused("a version that may decrypt nothing any more", "key_wrong", func() {
		b.ask("POST", "transit/keys/privacyd/config", map[string]any{"min_decryption_version": 1})
	})
	s := i.serve()
	b.ask("PUT", "sys/seal", nil)
	if out, _, _ := i.run("doctor"); !strings.Contains(out, "keys.unlock") || !strings.Contains(out, "problem") {
		t.Errorf("with a sealed service the doctor says %s", out)
	}
	i.must("workspace", "list") // by the server, which runs on
	s.end(t)
	refused("a sealed service", "key_service_failed", func() { b.ask("PUT", "sys/unseal", map[string]any{"key": b.unsealer}) })
	i.must("key", "rotate", "--root", "--to", filepath.Join(i.dir, "root.key"))
	i.env = append(i.env, "PRIVACYD_KEYS_ROOT="+filepath.Join(i.dir, "root.key"))
	i.must("workspace", "list")
	i.must("key", "rotate", "--root", "--to", address)
	i.env = append(i.env, "PRIVACYD_KEYS_ROOT="+address)
	i.must("workspace", "list")
	b.ask("POST", "auth/token/revoke", map[string]any{"token": token})
	refused("a token that was revoked", "key_service_denied", func() {
		made := b.ask("POST", "auth/token/create", map[string]any{"policies": []string{"privacyd"}})
		i.env = append(i.env, "VAULT_TOKEN="+made["auth"].(map[string]any)["client_token"].(string))
	})
	_ = b.process.Kill()
	if _, said, status := i.run("workspace", "list"); status != 1 || !strings.Contains(said, "(key_service_unreachable)") {
		t.Errorf("a service that is away: status %d, %s", status, said)
	}
}
