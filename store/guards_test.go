package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

func appendOnly() []string {
	return []string{"audit_entries", "audit_positions", "audit_nodes", "audit_trees", "audit_actions"}
}

// rewrites are attempts to change or delete rows of the log, which triggers
// stop on both databases.
func rewrites() []string {
	all := []string{
		"UPDATE audit_entries SET leaf = 'x'", "UPDATE audit_entries SET seq = seq + 100",
		"UPDATE audit_disclosures SET sealed = 'x'", "UPDATE audit_positions SET idx = idx + 100000", "UPDATE audit_nodes SET hash = 'x'",
		"UPDATE audit_actions SET action = 'x'",
		"UPDATE audit_checkpoints SET checkpoint = 'x'", "UPDATE audit_trees SET size = size - 1", "UPDATE audit_trees SET epoch = epoch + 1",
		"UPDATE audit_trees SET root = 'x'",
		"INSERT INTO audit_positions (entry, tree, idx) SELECT entry, tree, idx + 99 FROM audit_positions WHERE true ON CONFLICT (entry) DO UPDATE SET idx = EXCLUDED.idx",
		`INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash)
			SELECT id, log, at, action, outcome, target_type, leaf, 'x' FROM audit_entries WHERE true ON CONFLICT (id) DO UPDATE SET leaf_hash = EXCLUDED.leaf_hash`,
	}
	for _, table := range append(appendOnly(), "audit_checkpoints") {
		all = append(all, "DELETE FROM "+table)
	}
	return append(all, "DELETE FROM audit_checkpoints WHERE size = (SELECT max(size) FROM audit_checkpoints)")
}

// replacements are attempts to put other rows in the place of rows, in each
// table of the log that there is.
func replacements(t *testing.T, db *sqldb.DB) []string {
	t.Helper()
	all := []string{
		"REPLACE INTO audit_positions SELECT entry, tree, idx + 50 FROM audit_positions",
		"INSERT OR REPLACE INTO audit_nodes SELECT tree, level, n, 'x' FROM audit_nodes",
		"INSERT OR REPLACE INTO audit_checkpoints SELECT tree, size, signed_at, 'x' FROM audit_checkpoints",
		"INSERT OR REPLACE INTO audit_disclosures (no, owner, sealed, form, digests) SELECT no, owner, 'x', form, digests FROM audit_disclosures",
	}
	seen := 0
	for _, table := range auditTables(t, db) {
		if replaceable()[table] != "" {
			seen++
			continue
		}
		all = append(all, "INSERT OR REPLACE INTO "+table+" SELECT * FROM "+table)
	}
	if seen != len(replaceable()) {
		t.Errorf("%d of the tables that may be replaced are there", seen)
	}
	return all
}

// replaceable are the tables whose rows a server may replace, and why.
func replaceable() map[string]string {
	return map[string]string{
		"audit_actions":  "a row is all key: what takes its place is the same",
		"audit_owned":    "no part of the log: an index of what is disclosed, whose rows come and go",
		"audit_noted":    "it moves: what the instance's log knows of others",
		"audit_cursor":   "it moves; no row may be inserted, but Guard says so and no trigger",
		"audit_erasures": "no part of the log: whose disclosures are being deleted",
		"audit_known":    "no part of the log: by what persons are found who are erased",
		"audit_keys":     "no part of the log: keys of repeated requests, for a week",
	}
}

func auditTables(t *testing.T, db *sqldb.DB) (tables []string) {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'audit!_%' ESCAPE '!' ORDER BY name`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	must(t, rows.Err())
	return tables
}

// demolitions are attempts to get rid of tables and triggers.
func demolitions() []string {
	all := []string{
		"DROP TRIGGER audit_entries_no_update", "ALTER TABLE audit_entries RENAME TO gone", "PRAGMA writable_schema = on", "ATTACH ':memory:' AS other",
		"ALTER TABLE audit_entries DISABLE TRIGGER ALL", "DROP FUNCTION audit_append_only",
	}
	for _, table := range appendOnly() {
		all = append(all, "DROP TABLE "+table)
	}
	return all
}

// misplacements are attempts to write an entry that is sequenced late or never.
func misplacements() []string {
	var all []string
	for _, own := range [][2]string{{"xid", "'1'::xid8"}, {"xid", "'9223372036854775807'::xid8"}, {"seq", "-5"}} {
		all = append(all, `INSERT INTO audit_entries (`+own[0]+`, id, log, at, action, outcome, target_type, leaf, leaf_hash)
			OVERRIDING SYSTEM VALUE SELECT `+own[1]+`, 'x', log, at, action, outcome, target_type, leaf, leaf_hash FROM audit_entries LIMIT 1`)
	}
	return all
}

func truncations() []string {
	var all []string
	for _, table := range append(appendOnly(), "audit_disclosures", "audit_checkpoints") {
		all = append(all, "TRUNCATE "+table+" CASCADE")
	}
	return all
}

// lived gives a log in which every table of it has rows.
func lived(t *testing.T, db *sqldb.DB) sealedBench {
	t.Helper()
	b := newSealedBench(t, db)
	err := b.store.InTx(t.Context(), func(ctx context.Context) error {
		for range 260 {
			if _, err := b.Append(ctx, recordOf(logA, "ann")); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
	for hour := range 3 { // so that older checkpoints are kept
		b.seq.Now = func() time.Time { return at.Add(time.Duration(hour) * time.Hour) }
		b.settle(t, b.about(t, logA, "ann"))
	}
	return b
}

// image is all that the attacks aim at.
func image(t *testing.T, b sealedBench) string {
	t.Helper()
	var all strings.Builder
	for _, from := range []string{
		"id, leaf, leaf_hash FROM audit_entries", "no, owner, sealed FROM audit_disclosures", "entry, tree, idx FROM audit_positions",
		"n, level, hash FROM audit_nodes", "no, epoch, root FROM audit_trees", "tree, size, checkpoint FROM audit_checkpoints",
		"log, action, stretch FROM audit_actions",
	} {
		rows, err := b.db.Query(t.Context(), "SELECT "+from+" ORDER BY 1, 2, 3")
		must(t, err)
		n := 0
		for ; rows.Next(); n++ {
			var x, y, z []byte
			must(t, rows.Scan(&x, &y, &z))
			all.Write(append(append(x, y...), z...))
		}
		must(t, rows.Err())
		if n == 0 {
			t.Fatalf("there is no %s to attack", from)
		}
	}
	return all.String()
}

// repel makes the attacks, of which none may succeed.
func repel(t *testing.T, as *sqldb.DB, before string, attacks []string) {
	t.Helper()
	for _, attack := range attacks {
		if n, err := as.Exec(t.Context(), before+attack); err == nil {
			t.Errorf("%s: done, %d rows", attack, n)
		}
	}
}

// work does everything that a server does with the log.
func work(t *testing.T, b sealedBench) {
	t.Helper()
	b.settle(t, b.about(t, logA, "ben"))
	must(t, b.store.BeginErasures(t.Context(), b.refs("ben"), b.about(t, logB, "ann"), at))
	if gone, left := b.erase(t, "ben"); len(gone) != 1 || left != "" {
		t.Errorf("erased %v, left %q", gone, left)
	}
	_, err := b.store.EndErasures(t.Context(), b.refs("ben"), at)
	must(t, err)
	must(t, b.store.DropErasures(t.Context(), at.AddDate(1, 0, 0)))
	_, err = b.seq.Reconcile(t.Context())
	must(t, err)
	if done, err := b.store.TruncateLog(t.Context()); !done || err != nil {
		t.Errorf("truncated %v, %v", done, err)
	}
	checkLog(t, b.view(t, logA))
}

func TestGuardSQLite(t *testing.T) {
	b := lived(t, sqldbtest.SQLite(t))
	before := image(t, b)
	rows := append(rewrites(), replacements(t, b.db)...)
	repel(t, b.db, "", rows)
	repel(t, b.db, "PRAGMA recursive_triggers = off; ", rows)
	store.Guard(b.db)
	repel(t, b.db, "", append(rows, demolitions()...))
	if image(t, b) != before {
		t.Error("the attacks changed the log")
	}
	work(t, b)
}

// TestTriggersPostgres attacks as the owner and superuser, also as a replica,
// for whom ordinary triggers are off.
func TestTriggersPostgres(t *testing.T) {
	b := lived(t, sqldbtest.Postgres(t))
	before := image(t, b)
	rows := append(rewrites(), truncations()...)
	repel(t, b.db, "", rows)
	for _, attack := range rows {
		err := b.db.InTx(t.Context(), func(ctx context.Context) error {
			_, err := b.db.Exec(ctx, "SET LOCAL session_replication_role = replica")
			must(t, err)
			_, err = b.db.Exec(ctx, attack)
			return err
		})
		if err == nil {
			t.Errorf("as a replica: %s: done", attack)
		}
	}
	if image(t, b) != before {
		t.Error("the attacks changed the log")
	}
	if over, err := store.Overreach(t.Context(), b.db); err != nil || len(over) != 9 || over[0] != "audit_actions: owner" {
		t.Errorf("the owner's overreach: %q, %v", over, err)
	}
}

func TestRolePostgres(t *testing.T) {
	role := sqldbtest.Role(t)
	dsn := sqldbtest.PostgresDSN(t)
	owner, err := sqldb.OpenPostgres(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { _ = owner.Close() })
	b := lived(t, owner)
	must(t, store.Grant(t.Context(), owner, role))
	server, err := sqldb.OpenPostgres(t.Context(), sqldbtest.As(t, dsn, role))
	must(t, err)
	t.Cleanup(func() { _ = server.Close() })
	before := image(t, b)
	repel(t, server, "", slices.Concat(rewrites(), truncations(), demolitions(), misplacements()))
	if image(t, b) != before {
		t.Error("the attacks changed the log")
	}
	as := newSealedBench(t, server)
	as.Keys, as.keys, as.shelf, as.seq.Published = b.keys, b.keys, b.shelf, b.shelf
	work(t, as)
	if over, err := store.Overreach(t.Context(), server); err != nil || len(over) > 0 {
		t.Errorf("the server's overreach: %q, %v", over, err)
	}
}
