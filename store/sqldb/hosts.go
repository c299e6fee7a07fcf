package sqldb

import (
	"github.com/jackc/pgx/v5"

	"github.com/privacyd/privacyd"
)

// Hosts tells which hosts a PostgreSQL address leads to, in their order; for
// a socket, its folder. Code database_url_invalid.
func Hosts(address string) ([]string, error) {
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "database_url_invalid",
			"The database's address cannot be read. Give it as postgres://user:password@host:5432/name.")
	}
	hosts := []string{cfg.Host}
	for _, f := range cfg.Fallbacks {
		if f.Host != cfg.Host {
			hosts = append(hosts, f.Host)
		}
	}
	return hosts, nil
}

// AlwaysTLS tells whether a PostgreSQL address asks for TLS on every way that
// it leads, and falls back to nothing else. An address on another machine that
// does not is refused by RequireTLS.
func AlwaysTLS(address string) bool {
	cfg, err := pgx.ParseConfig(address)
	if err != nil || cfg.TLSConfig == nil {
		return false
	}
	for _, f := range cfg.Fallbacks {
		if f.TLSConfig == nil {
			return false
		}
	}
	return true
}
