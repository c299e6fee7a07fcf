package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
)

// Mark is how the ledger knows a root: an HMAC-SHA-256 under its own key.
func (s *Suppression) Mark(r privacyd.Root) privacyd.RootMark {
	h := hmac.New(sha256.New, s.marks)
	for _, part := range []string{r.Dataset, r.Kind, r.Workspace, r.ID} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	return privacyd.RootMark(h.Sum(nil))
}

// entry is an erasure with its marks.
type entry struct {
	privacyd.Erased
	marks []privacyd.RootMark
}

// wireEntry is what is sealed of an entry. Times are microseconds since 1970.
type wireEntry struct {
	JobID   string              `json:"job_id"`
	At      int64               `json:"at"`
	Expires int64               `json:"expires"`
	Again   privacyd.EraseAgain `json:"again"`
	Marks   []byte              `json:"marks"` // one after the other
}

func (s *Suppression) sealEntry(e privacyd.Erased, roots []privacyd.Root) ([]byte, error) {
	w := wireEntry{JobID: e.JobID, At: e.At.UnixMicro(), Expires: e.Expires.UnixMicro(), Again: e.Again}
	for _, r := range roots {
		m := s.Mark(r)
		w.Marks = append(w.Marks, m[:]...)
	}
	text, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode an entry: %w", err)
	}
	return s.seal.Seal(nil, nil, text, entryAAD(e.Sequence)), nil
}

func (s *Suppression) openEntry(sequence int64, sealed []byte) (entry, error) {
	text, err := s.seal.Open(nil, nil, sealed, entryAAD(sequence))
	if err != nil {
		return entry{}, errDamaged("an entry was changed")
	}
	var w wireEntry
	if err := json.Unmarshal(text, &w); err != nil || len(w.Marks)%sha256.Size != 0 {
		return entry{}, errDamaged("an entry cannot be read")
	}
	e := entry{Erased: privacyd.Erased{
		Sequence: sequence, JobID: w.JobID, At: time.UnixMicro(w.At).UTC(), Expires: time.UnixMicro(w.Expires).UTC(), Again: w.Again,
	}}
	for b := w.Marks; len(b) > 0; b = b[sha256.Size:] {
		e.marks = append(e.marks, privacyd.RootMark(b[:sha256.Size]))
	}
	return e, nil
}

// entryAAD binds an entry to its number, so that none can be moved.
func entryAAD(sequence int64) []byte {
	return binary.BigEndian.AppendUint64([]byte("privacyd suppression entry v1"), uint64(sequence))
}

const frameHead = 12

// frame appends a sealed entry to an object's bytes: its number (8 bytes), its
// length (4), itself.
func frame(b []byte, sequence int64, sealed []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(sequence))
	b = binary.BigEndian.AppendUint32(b, uint32(len(sealed)))
	return append(b, sealed...)
}

// cut takes the first frame off an object's bytes.
func cut(b []byte) (sequence int64, sealed, rest []byte, err error) {
	if len(b) < frameHead {
		return 0, nil, nil, errDamaged("an object is cut short")
	}
	sequence = int64(binary.BigEndian.Uint64(b))
	size := int64(binary.BigEndian.Uint32(b[8:]))
	if sequence < 1 || size > int64(len(b)-frameHead) {
		return 0, nil, nil, errDamaged("an object is cut short")
	}
	return sequence, b[frameHead : frameHead+size], b[frameHead+size:], nil
}
