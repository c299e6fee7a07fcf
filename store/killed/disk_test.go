package killed_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
