package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/keyservice"
)

// describer tells how what lies under the engine encrypts, by looking at it.
type describer struct {
	i      *instance
	folder *folder
	cfg    config
	keys   *vault.Vault
}

// Describe implements engine.Describer.
func (d describer) Describe(ctx context.Context) ([]privacyd.Cipher, []privacyd.Connection, error) {
	database, err := d.database()
	if err != nil {
		return nil, nil, err
	}
	var connections []privacyd.Connection
	for _, look := range []func(context.Context) (*privacyd.Connection, error){d.listener, d.toDatabase, d.toMail, d.toBlobs, d.toKeys} {
		c, err := look(ctx)
		if err != nil {
			return nil, nil, err
		}
		if c != nil {
			connections = append(connections, *c)
		}
	}
	return []privacyd.Cipher{database}, connections, nil
}

// database looks at the file itself: an SQLite file that is not encrypted says
// so in its first bytes.
func (d describer) database() (privacyd.Cipher, error) {
	plain := privacyd.Cipher{What: "database"}
	if d.i.asked.db.Dialect == sqldb.Postgres {
		return plain, nil
	}
	file, err := os.Open(d.folder.path("privacyd.db"))
	if err != nil {
		return plain, fmt.Errorf("look at the database's file: %w", err)
	}
	defer file.Close() //nolint:errcheck // it is only read
	head := make([]byte, 16)
	if _, err := file.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return plain, fmt.Errorf("look at the database's file: %w", err)
	}
	if bytes.HasPrefix(head, []byte("SQLite format")) {
		return plain, nil
	}
	return d.keys.DatabaseCipher(), nil
}

// listener is the way to the pages and the API.
func (d describer) listener(context.Context) (*privacyd.Connection, error) {
	l := d.i.listening
	if l.address == nil {
		return nil, nil //nolint:nilnil // a command listens to nobody
	}
	c := &privacyd.Connection{What: "listener", Where: "network"}
	if tcp, ok := l.address.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		c.Where = "loopback"
	}
	if l.tls == nil {
		return c, nil
	}
	c.Protocol = atLeast(l.tls.MinVersion)
	if d.cfg.TLS.ACME == nil {
		if certificate, err := l.tls.GetCertificate(&tls.ClientHelloInfo{}); err == nil && certificate.Leaf != nil {
			c.Expires = certificate.Leaf.NotAfter.UTC()
		}
	}
	return c, nil
}

func atLeast(version uint16) string { return "at least " + tls.VersionName(version) }

// toDatabase asks PostgreSQL how it is reached.
func (d describer) toDatabase(ctx context.Context) (*privacyd.Connection, error) {
	c := &privacyd.Connection{What: "database", Where: "machine"}
	if d.i.asked.db.Dialect != sqldb.Postgres {
		return c, nil
	}
	hosts, err := sqldb.Hosts(d.cfg.Database)
	if err != nil {
		return nil, err
	}
	c.Where = where(hosts...)
	err = d.i.asked.db.QueryRow(ctx, "SELECT coalesce(version, ''), coalesce(cipher, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&c.Protocol, &c.Cipher)
	if err != nil {
		return nil, fmt.Errorf("ask how the database is reached: %w", err)
	}
	return c, nil
}

func where(hosts ...string) string {
	for _, h := range hosts {
		if !privacyd.LocalHost(h) {
			return "network"
		}
	}
	return "loopback"
}

// toMail, toBlobs and toKeys go by what Go's TLS takes at the least where it is
// not told otherwise, which is nowhere here.
func (d describer) toMail(context.Context) (*privacyd.Connection, error) {
	if d.cfg.Mail.SMTP == "" {
		return nil, nil //nolint:nilnil // no mail is sent
	}
	relay, err := url.Parse(d.cfg.Mail.SMTP)
	if err != nil {
		return nil, fmt.Errorf("look at the mail server's address: %w", errors.New("it cannot be read"))
	}
	c := &privacyd.Connection{What: "mail", Where: where(relay.Hostname())}
	if relay.Scheme == "smtps" || c.Where == "network" {
		c.Protocol = atLeast(tls.VersionTLS12)
	}
	return c, nil
}

func (d describer) toBlobs(context.Context) (*privacyd.Connection, error) {
	c := &privacyd.Connection{What: "files", Where: "machine"}
	if _, local := bucket.Folder(d.cfg.Blobs.Exports); local {
		return c, nil
	}
	c.Where, c.Protocol = "network", atLeast(tls.VersionTLS12)
	if u, err := url.Parse(d.cfg.Blobs.Exports); err == nil {
		if endpoint, err := url.Parse(u.Query().Get("endpoint")); err == nil && endpoint.Host != "" {
			c.Where = where(endpoint.Hostname())
			if endpoint.Scheme == "http" {
				c.Protocol = ""
			}
		}
	}
	return c, nil
}

func (d describer) toKeys(context.Context) (*privacyd.Connection, error) {
	c := &privacyd.Connection{What: "root_key", Where: "machine"}
	if !keyservice.Is(d.cfg.Keys.Root) {
		return c, nil
	}
	if c.Where = where(keyservice.Host(d.cfg.Keys.Root)); c.Where == "network" {
		c.Protocol = atLeast(tls.VersionTLS12)
	}
	return c, nil
}
