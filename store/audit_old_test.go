package store_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/vault"
)

// TestDisclosuresKept brings databases up to date that were used before
// disclosures were kept by owner, before they were counted, and before they were
// kept by number.
func TestDisclosuresKept(t *testing.T) {
	for last, digests := range map[string]int{"0003": 0, "0021": 0, "0022": 2} {
		t.Run(last, func(t *testing.T) {
			sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
				migrateTo(t, db, last)
				keys, err := vault.Open(t.Context(), vault.Options{Keys: t.TempDir(), Root: make([]byte, vault.RootSize)})
				must(t, err)
				for range 3 {
					writeOld(t, db, keys, digests > 0, "ann", "ben")
				}
				b := newSealedBench(t, db)
				b.Keys, b.keys = keys, keys
				b.settle(t, b.about(t, logA, "cyd"))
				if diff := cmp.Diff([]string{"ann ben", "ann ben", "ann ben", "cyd"}, b.disclosed(t, logA)); diff != "" {
					t.Error(diff)
				}
				gone, left := b.erase(t, "ann")
				if len(gone) != 3 || left != "" || gone[0].Digests != digests {
					t.Errorf("erased %v, left %q", gone, left)
				}
				wantCatalogued(t, db, -1)
				if diff := cmp.Diff([]string{"ben", "ben", "ben", "cyd"}, b.disclosed(t, logA)); diff != "" {
					t.Error(diff)
				}
				if _, err := db.Exec(t.Context(), "UPDATE audit_disclosures SET sealed = 'x'"); err == nil {
					t.Error("disclosures can be changed now")
				}
			})
		})
	}
}

// migrateTo applies the migrations up to one of a number.
func migrateTo(t *testing.T, db *sqldb.DB, last string) {
	t.Helper()
	names, err := os.ReadDir("schema")
	must(t, err)
	before := fstest.MapFS{}
	for _, name := range names {
		if name.Name() < last+"~" {
			text, err := os.ReadFile("schema/" + name.Name())
			must(t, err)
			before[name.Name()] = &fstest.MapFile{Data: text}
		}
	}
	must(t, db.Migrate(t.Context(), "store", before))
}

// writeOld inserts an entry as was done before: each disclosure had a salt of its
// own, which was sealed with it.
func writeOld(t *testing.T, db *sqldb.DB, keys *vault.Vault, counted bool, persons ...string) {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	leaf := &auditlog.Leaf{ID: id, Log: logA, At: at, Action: "test.done", Outcome: "done", Claims: persons}
	bundles := map[string][]byte{}
	for i, p := range persons {
		for k, pair := range []string{`"_owner",{"log":"","kind":"account","id":"` + p + `"}`, `"` + p + `","of ` + p + `"`} {
			salt := bytes.Repeat([]byte{byte(i), byte(k)}, 32)
			list := `["` + base64.RawURLEncoding.EncodeToString(salt) + `",` + pair + `]`
			leaf.Digests = append(leaf.Digests, auditlog.Digest(base64.RawURLEncoding.EncodeToString([]byte(list))))
			bundles[p] = append(binary.AppendUvarint(append(bundles[p], salt...), uint64(len(pair))), pair...)
		}
	}
	slices.Sort(leaf.Digests)
	letters, err := leaf.Encode()
	must(t, err)
	hash := auditlog.LeafHash(letters)
	must(t, db.InTx(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, `INSERT INTO audit_entries (id, log, at, action, outcome, target_type, leaf, leaf_hash)
			VALUES ($1, $2, $3, 'test.done', 'done', '', $4, $5)`, id, logA, sqldb.Micros(at), letters, hash[:])
		must(t, err)
		for _, p := range persons {
			owner := keys.Reference("", "account", p)
			aad := []byte("audit disclosure 1\x00")
			for _, part := range []string{logA, id, owner, string(hash[:])} {
				aad = append(binary.BigEndian.AppendUint32(aad, uint32(len(part))), part...)
			}
			sealed, _, err := keys.SealFor(ctx, owner, aad, bundles[p])
			must(t, err)
			insert := "INSERT INTO audit_disclosures (entry_id, owner, sealed%s) VALUES ($1, $2, $3%s)"
			args := []any{id, owner, sealed}
			if counted {
				insert, args = fmt.Sprintf(insert, ", digests", ", $4"), append(args, 2)
			} else {
				insert = fmt.Sprintf(insert, "", "")
			}
			_, err = db.Exec(ctx, insert, args...)
			must(t, err)
		}
		return nil
	}))
}

// TestCatalogue writes more than is taken down at once whose it is, and erases
// from what is taken down and from what is not, a part at a time, of one log and
// of all.
func TestCatalogue(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := newSealedBench(t, db)
		fill := func(n int) {
			must(t, b.store.InTx(t.Context(), func(ctx context.Context) error {
				for i := range n {
					_, err := b.Append(ctx, recordOf([]string{logA, logB}[i%2], []string{"ann", "ben", "cyd"}[i%3]))
					must(t, err)
				}
				return nil
			}))
		}
		fill(8400)
		must(t, b.store.Catalogue(t.Context()))
		fill(100)
		must(t, b.store.Catalogue(t.Context()))
		b.settle(t, b.about(t, logA, "ann"))
		wantCatalogued(t, db, 8400)
		owners, err := b.store.DisclosedOwners(t.Context(), b.keys.Reference("", "", ""), 10)
		if err != nil || len(owners) != 3 {
			t.Errorf("%d owners, %v", len(owners), err)
		}
		erased := b.eraseInParts(t, func(ctx context.Context) ([]auditlog.Disclosed, error) {
			return b.store.DisclosuresIn(ctx, logB, b.refs("ann", "ben"), 700)
		})
		erased += b.eraseInParts(t, func(ctx context.Context) ([]auditlog.Disclosed, error) {
			return b.store.Disclosures(ctx, b.refs("ann", "ben"), 900)
		})
		if erased != 2800+2800+34+33+1 {
			t.Errorf("erased %d", erased)
		}
		for person, want := range map[string][]string{"ann": nil, "cyd": {logA, logB}} {
			logs, err := b.store.LogsWith(t.Context(), b.refs(person)[0])
			if err != nil || !slices.Equal(logs, want) {
				t.Errorf("%s is in %v, %v", person, logs, err)
			}
		}
		wantCatalogued(t, db, 2800)
	})
}

// eraseInParts erases what find finds until there is nothing, and counts it.
func (b *sealedBench) eraseInParts(t *testing.T, find func(ctx context.Context) ([]auditlog.Disclosed, error)) (erased int) {
	t.Helper()
	for last := -1; last != erased; {
		last = erased
		must(t, b.store.InTx(t.Context(), func(ctx context.Context) error {
			found, err := find(ctx)
			must(t, err)
			gone, err := b.store.EraseDisclosures(ctx, found)
			if erased += len(gone); len(gone) != len(found) { // nothing is found twice
				t.Errorf("found %d, erased %d", len(found), len(gone))
			}
			return err
		}))
		wantCatalogued(t, b.db, -1)
	}
	return erased
}

// wantCatalogued wants SQLite to have taken down so many disclosures (-1: any
// number), which are those that there are up to some number, in few rows.
func wantCatalogued(t *testing.T, db *sqldb.DB, want int) {
	t.Helper()
	if db.Dialect != sqldb.SQLite {
		return
	}
	const all = `(SELECT no, owner FROM audit_owned UNION ALL SELECT o.no + m.value, o.owner FROM audit_owned o, json_each(o.more) m)`
	var owned, kept, same, rows int
	must(t, db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM `+all+`), (SELECT count(*) FROM audit_owned),
		(SELECT count(*) FROM audit_disclosures WHERE no <= (SELECT owned FROM audit_cursor)),
		(SELECT count(*) FROM `+all+` o JOIN audit_disclosures d ON d.no = o.no AND d.owner = o.owner)`).Scan(&owned, &rows, &kept, &same))
	if owned != kept || same != kept || want >= 0 && owned != want || rows > owned/100+40 {
		t.Errorf("%d of %d disclosures are taken down in %d rows, and are %d of them", owned, kept, rows, same)
	}
}
