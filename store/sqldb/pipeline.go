package sqldb

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// prepared are the statements that are prepared on one connection to
// PostgreSQL, to be sent many at once.
type prepared struct {
	allowed bool // by the database's address: a pooler may give each transaction another connection
	by      map[string]*pgconn.StatementDescription

	// What is sent is written in here; the next one is written over it.
	values  [][]byte
	formats []int16
	message []byte
}

// preparedKey is the name under which a connection keeps its prepared.
const preparedKey = "privacyd"

// mostPrepared bounds them: other texts are left to pgx, which forgets old ones.
const mostPrepared = 200

func preparedOn(conn *pgx.Conn) *prepared {
	kept := conn.PgConn().CustomData()
	p, ok := kept[preparedKey].(*prepared)
	if !ok {
		p = &prepared{
			allowed: conn.Config().DefaultQueryExecMode == pgx.QueryExecModeCacheStatement,
			by:      map[string]*pgconn.StatementDescription{},
		}
		kept[preparedKey] = p
	}
	return p
}

// bound is a statement with its parameters as they go to the server.
type bound struct {
	of      *pgconn.StatementDescription
	values  [][]byte
	formats []int16
}

// bind prepares statements and writes their parameters; nil: it is pgx's to do.
// What pgx does by itself copies large parameters several times.
func (p *prepared) bind(ctx context.Context, conn *pgx.Conn, all []statement) ([]bound, error) {
	if !p.allowed {
		return nil, nil
	}
	list := make([]bound, len(all))
	p.values, p.formats = p.values[:0], p.formats[:0]
	for i, s := range all {
		of := p.by[s.query]
		if of == nil {
			if len(p.by) >= mostPrepared {
				return nil, nil
			}
			var err error
			if of, err = conn.Prepare(ctx, s.query, s.query); err != nil {
				return nil, err
			}
			p.by[s.query] = of
		}
		b, err := p.bindOne(conn.TypeMap(), of, s.args)
		if err != nil {
			return nil, err
		}
		list[i] = b
	}
	return list, nil
}

func (p *prepared) bindOne(types *pgtype.Map, of *pgconn.StatementDescription, args []any) (bound, error) {
	if len(of.ParamOIDs) != len(args) {
		return bound{}, fmt.Errorf("the statement has %d parameters and is given %d", len(of.ParamOIDs), len(args))
	}
	from := len(p.values)
	for i, a := range args {
		value, format, err := parameter(types, of.ParamOIDs[i], a)
		if err != nil {
			return bound{}, fmt.Errorf("argument %d: %w", i+1, err)
		}
		p.values, p.formats = append(p.values, value), append(p.formats, format)
	}
	return bound{of: of, values: p.values[from:], formats: p.formats[from:]}, nil
}

// parameter writes a parameter as pgx would.
func parameter(types *pgtype.Map, oid uint32, arg any) (value []byte, format int16, err error) {
	switch v := arg.(type) {
	case nil:
		return nil, pgtype.TextFormatCode, nil
	case string:
		return []byte(v), pgtype.TextFormatCode, nil
	case []byte:
		if oid == pgtype.ByteaOID {
			return v, pgtype.BinaryFormatCode, nil
		}
	}
	format = types.FormatCodeForOID(oid)
	if value, err = types.Encode(oid, format, arg, []byte{}); err == nil { // of nil an empty text would be NULL
		return value, format, nil
	}
	other := pgtype.TextFormatCode + pgtype.BinaryFormatCode - format
	if value, otherErr := types.Encode(oid, int16(other), arg, []byte{}); otherErr == nil {
		return value, int16(other), nil
	}
	return nil, 0, err
}

// room is a message without a byte, before which there is room for those that
// follow. Without it pgx makes a buffer of a kilobyte longer again and again.
type room struct {
	of   *prepared
	size int
}

// Frontend, Decode and Encode make room a message.
func (room) Frontend()           {}
func (room) Decode([]byte) error { return nil }

func (r room) Encode(message []byte) ([]byte, error) {
	if cap(message)-len(message) >= r.size {
		return message, nil
	}
	r.of.message = append(slices.Grow(r.of.message[:0], len(message)+r.size), message...)
	return r.of.message, nil
}

// Sizes in bytes: what a statement and a parameter take beside their values,
// and how much is kept for the next message.
const (
	aroundStatement = 128
	aroundParameter = 4 + 2
	mostMessage     = 64 << 10
)

// sendBound sends statements in one round trip, and tells how many rows the
// last of them affected.
func (p *prepared) sendBound(ctx context.Context, conn *pgconn.PgConn, all []bound) (affected int64, err error) {
	size := 0
	for _, b := range all {
		size += aroundStatement
		for _, v := range b.values {
			size += aroundParameter + len(v)
		}
	}
	pipeline := conn.StartPipeline(ctx)
	defer func() {
		if end := pipeline.Close(); err == nil { // else it says the same again
			err = end
		}
		clear(p.values)
		if cap(p.message) > mostMessage {
			p.message = nil
		}
	}()
	conn.Frontend().Send(room{p, size})
	for _, b := range all {
		pipeline.SendQueryStatement(b.of, b.values, b.formats, nil)
	}
	if err := pipeline.Sync(); err != nil {
		return 0, err
	}
	for range all {
		results, err := pipeline.GetResults()
		if err != nil {
			return 0, err
		}
		reader, ok := results.(*pgconn.ResultReader)
		if !ok {
			return 0, fmt.Errorf("the server answered a statement with %T", results)
		}
		tag, err := reader.Close()
		if err != nil {
			return 0, err
		}
		affected = tag.RowsAffected()
	}
	return affected, nil
}
