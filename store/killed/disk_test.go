package killed_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestFullDisk fills the disk under writers and sequencer, makes room for them
// once, and kills them on the full disk once.
func TestFullDisk(t *testing.T) {
	s := newSiege(t, life{Folder: t.TempDir(), Writers: 4, Sequencers: 1})
	s.round(t, 1, nil)
	for _, room := range []bool{true, false} {
		info, err := os.Stat(filepath.Join(s.Folder, "a.db"))
		must(t, err)
		s.Room = info.Size() + 200<<10
		v := s.start(t)
		v.until(t, complaint, 5)
		if room {
			_, err := v.in.Write([]byte("\n"))
			must(t, err)
			v.until(t, committed, 5)
		}
		v.kill()
		s.wantFull(t)
		s.look(t)
	}
	s.Room = 0
	s.round(t, 1, nil)
	s.end(t)
}

// TestFullDiskPostgres fills the server's disk under writers and sequencer, makes
// room for them once, and kills them on the full disk once.
func TestFullDiskPostgres(t *testing.T) {
	server := sqldbtest.NewServerToFill(t)
	s := newSiege(t, life{Folder: t.TempDir(), DSN: server.DSN(), Writers: 4, Sequencers: 1})
	s.sequenceOnFullDisk(t, server)
	for _, room := range []bool{true, false} {
		p := s.openPlace(t)
		makeRoom := server.FillDisk(t, p.size(t, "pg_class")+64<<10+partOfPage)
		must(t, p.close())
		v := s.start(t)
		v.until(t, complaint, 5)
		if room {
			makeRoom()
			v.until(t, committed, 5)
		}
		v.kill()
		makeRoom()
		s.wantFull(t)
		s.look(t)
	}
	s.round(t, 1, nil)
	s.end(t)
}

// partOfPage is written of a page that does not fit.
const partOfPage = 100

// size is that of the largest of some tables and indexes.
func (p *place) size(t *testing.T, of string) (size int64) {
	t.Helper()
	must(t, p.db.QueryRow(t.Context(), "SELECT max(pg_relation_size(oid)) FROM "+of).Scan(&size))
	return size
}

// sequenceOnFullDisk has entries wait for a sequencer that has no room for their
// positions: it says so, and publishes nothing.
func (s *siege) sequenceOnFullDisk(t *testing.T, server *sqldbtest.Server) {
	t.Helper()
	const positions, log = "(SELECT 'audit_positions'::regclass AS oid) AS p", 1
	p := s.openPlace(t)
	defer p.close() //nolint:errcheck // a test's
	seq, err := p.sequencer(t.Context())
	must(t, err)
	_, err = p.db.Exec(t.Context(), "ALTER TABLE audit_positions SET (fillfactor = 10)") // few make it large
	must(t, err)
	for p.size(t, positions) < sqldbtest.LeastFull {
		s.writeMany(t, p, logs()[log], 1000)
		p.settle(t, seq)
	}
	s.writeMany(t, p, logs()[log], 200)
	makeRoom := server.FillDisk(t, p.size(t, positions)+partOfPage)
	s.look(t)
	if _, err = seq.Pass(t.Context()); privacyd.CodeOf(err) != "disk_full" {
		t.Errorf("sequencing gives %v", err)
	}
	makeRoom()
	s.look(t)
	all := s.published[logs()[log]]
	if last := all[len(all)-1]; last != all[len(all)-2] || last.size < 1000 {
		t.Errorf("%d leaves are published, after %d", last.size, all[len(all)-2].size)
	}
	p.settle(t, seq)
}

// writeMany writes acts in one transaction.
func (s *siege) writeMany(t *testing.T, p *place, log string, n int) {
	t.Helper()
	must(t, p.db.InTx(t.Context(), func(ctx context.Context) error {
		for range n {
			id, err := p.act(ctx, log)
			if err != nil {
				return err
			}
			s.committed[id] = true
		}
		return nil
	}))
}

// wantFull wants complaints to say what an operator can mend.
func (s *siege) wantFull(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	other := slices.DeleteFunc(s.failed, func(line string) bool {
		return strings.HasPrefix(line, complaint+" disk_full ") || strings.HasPrefix(line, complaint+" disk_failed ") || line == "room <nil>"
	})
	if len(other) > 0 {
		t.Errorf("processes complained: %q", other)
	}
	s.failed = nil
}
