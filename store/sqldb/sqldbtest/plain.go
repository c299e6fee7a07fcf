package sqldbtest

import (
	"bytes"
	"crypto/aes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"testing"

	"golang.org/x/crypto/xts"

	"github.com/privacyd/privacyd/store/sqldb"
)

// sector is the unit of the page encryption: each is encrypted with its number
// in its own file.
const sector = 512

// Plain is a decrypted part of an encrypted SQLite database.
type Plain struct {
	Where string // such as "page 7" or "frame 3 of the log, page 7"
	Bytes []byte // as long as a page
}

// Scan decrypts the SQLite database at path and gives everything that lies on
// the disk of it: each page of the file, used or free, and each frame of the
// write-ahead log, valid or left over. Close the database before, or at least
// let nothing write.
func Scan(t testing.TB, path string, key []byte) iter.Seq[Plain] {
	t.Helper()
	file := decrypt(t, path, key)
	log := decrypt(t, path+"-wal", key)
	size := pageSize(t, file, log)
	return func(yield func(Plain) bool) {
		for at := 0; at < len(file); at += size {
			if !yield(Plain{fmt.Sprintf("page %d", at/size+1), file[at:min(at+size, len(file))]}) {
				return
			}
		}
		const header, frame = 32, 24
		for n, at := 1, header; at+frame < len(log); n, at = n+1, at+frame+size {
			page := binary.BigEndian.Uint32(log[at:])
			where := fmt.Sprintf("frame %d of the log, page %d", n, page)
			if !yield(Plain{where, log[at+frame : min(at+frame+size, len(log))]}) {
				return
			}
		}
	}
}

// Hits tells where in the database at path a part of marker lies. A long value
// is cut into pages: of a marker of 32 bytes or more each 16 are looked for by
// themselves, so that it is found wherever the cut is.
func Hits(t testing.TB, path string, key, marker []byte) []string {
	t.Helper()
	const part = 16
	if len(marker) < 8 {
		t.Fatal("a marker this short may occur by chance")
	}
	var hits []string
	for p := range Scan(t, path, key) {
		for at := 0; at < len(marker); at += part {
			end := min(at+part, len(marker))
			if bytes.Contains(p.Bytes, marker[max(0, end-part):end]) {
				hits = append(hits, p.Where)
				break
			}
		}
	}
	return hits
}

func decrypt(t testing.TB, path string, key []byte) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(b)%sector != 0 {
		t.Fatalf("a database file of %d bytes is not of whole sectors", len(b))
	}
	c, err := xts.NewCipher(aes.NewCipher, key)
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(b); at += sector {
		c.Decrypt(b[at:at+sector], b[at:at+sector], uint64(at/sector)) //nolint:gosec // not negative
	}
	return b
}

// pageSize reads it, and fails when the key is not the right one: nothing would
// be found then.
func pageSize(t testing.TB, file, log []byte) int {
	t.Helper()
	if len(file) > 0 && !bytes.HasPrefix(file, []byte("SQLite format 3\x00")) {
		t.Fatal("the database cannot be decrypted")
	}
	if len(log) > 0 && binary.BigEndian.Uint32(log)|1 != 0x377f0683 {
		t.Fatal("the database's log cannot be decrypted")
	}
	switch {
	case len(file) > 0:
		if n := int(binary.BigEndian.Uint16(file[16:])); n != 1 {
			return n
		}
		return 1 << 16
	case len(log) > 0:
		return int(binary.BigEndian.Uint32(log[8:]))
	}
	t.Fatal("there is no database to look into")
	return 0
}

// Path tells where the file of an SQLite database lies.
func Path(t testing.TB, db *sqldb.DB) string {
	t.Helper()
	var path string
	if err := db.QueryRow(t.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		t.Fatal(err)
	}
	return path
}
