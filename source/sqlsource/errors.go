package sqlsource

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/ncruces/go-sqlite3"

	"github.com/privacyd/privacyd"
)

// explain turns what an operator can mend into an error that says so, and
// takes values out of PostgreSQL's messages.
//
// Codes: database_unavailable, snapshot_lost, source_forbidden,
// source_unreadable.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if stopped := context.Cause(ctx); stopped != nil {
		return stopped
	}
	var known *privacyd.Error
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &known):
		return err
	case connectionLost(err):
		return unavailable(err)
	case errors.As(err, &pg):
		return explainPostgres(pg)
	}
	return err
}

func unavailable(err error) error {
	if fault := privacyd.CertificateFault(err); fault != "" {
		return privacyd.Errorf(privacyd.ClassUnavailable, "database_unavailable",
			"A dataset's database cannot be reached: %s. Nothing was sent. Renew the certificate, or name who signs it by sslrootcert=FILE in the address.", fault)
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && connect.Unwrap() != nil {
		err = connect.Unwrap() // what is around it names the user
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "database_unavailable",
		"A dataset's database cannot be reached. Check that it runs and try again; nothing was changed. (%w)", withoutValues(err))
}

func connectionLost(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "57P") || strings.HasPrefix(pg.Code, "08") || pg.Code == "53300"
	}
	var connect *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, sqlite3.CANTOPEN)
}

func explainPostgres(err *pgconn.PgError) error {
	cause := withoutValues(err)
	switch {
	case err.Code == "40001":
		return privacyd.Errorf(privacyd.ClassUnavailable, "snapshot_lost",
			"The database ended the read because it stood in the way of replication. Set hot_standby_feedback on the replica, "+
				"or read from the primary, and try again. (%w)", cause)
	case err.Code == "42501":
		return privacyd.Errorf(privacyd.ClassRefused, "source_forbidden",
			"The database does not let privacyd read all rows. Grant its role SELECT on every mapped table and, where tables "+
				"have row-level security, BYPASSRLS. (%w)", cause)
	case strings.HasPrefix(err.Code, "22"):
		return privacyd.Errorf(privacyd.ClassRefused, "source_unreadable",
			"A value in the database is not what the data map says: a JSON path into text that is not JSON, or a condition that "+
				"fails on it. Correct the map or the value. (%w)", cause)
	}
	return cause
}

// withoutValues keeps of PostgreSQL's errors what names no data: messages of
// class 22 and 23 quote values.
func withoutValues(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23")) {
		return fmt.Errorf("postgres error %s", pg.Code)
	}
	return err
}
