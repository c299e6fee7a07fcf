package auditlogtest

import (
	"context"
	"io/fs"
	"sync"

	"github.com/privacyd/privacyd/auditlog"
)

// Shelf keeps published checkpoints in memory.
type Shelf struct {
	mu    sync.Mutex
	notes map[string][]byte
	err   error
}

// Read implements auditlog.Published.
func (s *Shelf) Read(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	note, ok := s.notes[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return note, nil
}

// Write implements auditlog.Published.
func (s *Shelf) Write(_ context.Context, name string, note []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if old, ok := s.notes[name]; ok && !later(note, old) {
		return fs.ErrExist
	}
	if s.notes == nil {
		s.notes = map[string][]byte{}
	}
	s.notes[name] = note
	return nil
}

// later tells whether a checkpoint may take the place of another: it comes
// after it, or says the same.
func later(note, old []byte) bool {
	epoch, size, root := read(note)
	oldEpoch, oldSize, oldRoot := read(old)
	if epoch != oldEpoch || size != oldSize {
		return epoch > oldEpoch || (epoch == oldEpoch && size > oldSize)
	}
	return root == oldRoot
}

func read(note []byte) (epoch int, size int64, root [32]byte) {
	origin, size, root, err := auditlog.ReadCheckpoint(note)
	if err != nil {
		return 0, 0, root
	}
	_, _, epoch, err = auditlog.ParseOrigin(origin)
	if err != nil {
		return 0, 0, root
	}
	return epoch, size, root
}

// Put lays something down under a name, whatever is there.
func (s *Shelf) Put(name string, note []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.notes == nil {
		s.notes = map[string][]byte{}
	}
	s.notes[name] = note
}

// Fail makes every call fail with err; nil ends that.
func (s *Shelf) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}
