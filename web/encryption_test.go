package web_test

import (
	"context"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

// described is a system below the engine as it could be.
type described struct{}

func (described) Describe(context.Context) ([]privacyd.Cipher, []privacyd.Connection, error) {
	return []privacyd.Cipher{{What: "database"}, {What: "datasets.app.read_replica"}, {What: "blobs.files.app-uploads"}}, []privacyd.Connection{
		{What: "listener", Where: "network", Protocol: "at least TLS 1.2", Expires: time.Date(2027, 1, 2, 3, 4, 0, 0, time.UTC)},
		{What: "database", Where: "loopback"},
		{What: "files", Where: "machine"},
		{What: "mail", Where: "network"},
		{What: "datasets.app", Where: "network", Protocol: "at least TLS 1.2"},
	}, nil
}

func TestEncryptionPage(t *testing.T) {
	p := newProduct(t)
	p.engine.Described = described{}
	for role, status := range map[string]int{"admin": 200, "auditor": 200, "agent": 403, "stranger": 404} {
		w := p.as(t, role).get("/w/acme/encryption")
		if w.Code != status {
			t.Errorf("as %s: status %d", role, w.Code)
		}
		if status == 200 {
			expect(
				t, w, "In a file of the server", "Generation 1, since ", "Finished exports, and files uploaded to privacyd", "AES-256-GCM", "Not by privacyd",
				"at least TLS 1.2", "2 January 2027", "Stays inside the server", "never leaves the server", "a proxy in front has to", "Where your data lives",
				"The database of privacyd itself", "Records of app, in the read replica", "Files of app-uploads", "To the records of app",
			)
		}
	}
}
