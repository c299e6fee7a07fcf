package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"

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
	for _, look := range []func(context.Context) (*privacyd.Connection, error){d.listener, d.toDatabase, d.toMail, d.toKeys} {
		c, err := look(ctx)
		if err != nil {
			return nil, nil, err
		}
		if c != nil {
			connections = append(connections, *c)
		}
	}
	outside, err := d.toDatasets()
	if err != nil {
		return nil, nil, err
	}
	connections = append(connections, outside...)
	return append([]privacyd.Cipher{database}, d.outside()...), append(connections, d.toBuckets()...), nil
}

// outside is what privacyd reads and does not encrypt: a product's databases
// and buckets; and the ledger, which it does.
func (d describer) outside() []privacyd.Cipher {
	list := []privacyd.Cipher{{What: "ledger", Algorithm: "AES-256-GCM", KeyBits: 256, Key: "instance"}}
	for _, s := range d.cfg.Datasets {
		list = append(list, privacyd.Cipher{What: "datasets." + s.Name})
		if s.ReadReplica != "" {
			list = append(list, privacyd.Cipher{What: "datasets." + s.Name + ".read_replica"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.cfg.Blobs.Files)) {
		list = append(list, privacyd.Cipher{What: "blobs.files." + name})
	}
	return list
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

// toDatasets goes by what the addresses of a product's databases ask for: these
// may be down without harm to what is shown.
func (d describer) toDatasets() (list []privacyd.Connection, err error) {
	for _, s := range d.cfg.Datasets {
		for _, to := range []struct{ what, address string }{{"datasets." + s.Name, s.Database}, {"datasets." + s.Name + ".read_replica", s.ReadReplica}} {
			if to.address == "" {
				continue
			}
			c := privacyd.Connection{What: to.what, Where: "machine"}
			if isPostgres(to.address) {
				hosts, err := sqldb.Hosts(to.address)
				if err != nil {
					return nil, err
				}
				c.Where = where(hosts...)
				if sqldb.AlwaysTLS(to.address) {
					c.Protocol = atLeast(tls.VersionTLS12)
				}
			}
			list = append(list, c)
		}
	}
	return list, nil
}

// toMail, toBuckets and toKeys go by what Go's TLS takes at the least where it is
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

func (d describer) toBuckets() []privacyd.Connection {
	list := []privacyd.Connection{
		toBucket("files", d.cfg.Blobs.Exports), toBucket("keys.store", d.cfg.Keys.Store), toBucket("ledger", d.cfg.Ledger),
	}
	for _, name := range slices.Sorted(maps.Keys(d.cfg.Blobs.Files)) {
		list = append(list, toBucket("blobs.files."+name, d.cfg.Blobs.Files[name]))
	}
	return list
}

func toBucket(what, address string) privacyd.Connection {
	c := privacyd.Connection{What: what, Where: "machine"}
	if _, local := bucket.Folder(address); local {
		return c
	}
	c.Where, c.Protocol = "network", atLeast(tls.VersionTLS12)
	if u, err := url.Parse(address); err == nil {
		if endpoint, err := url.Parse(u.Query().Get("endpoint")); err == nil && endpoint.Host != "" {
			c.Where = where(endpoint.Hostname())
			if endpoint.Scheme == "http" {
				c.Protocol = ""
			}
		}
	}
	return c
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
