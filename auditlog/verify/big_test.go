package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/bits"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

// bigLeaf is the n-th leaf of a log that is made up as it is read.
func bigLeaf(b []byte, n int64) []byte {
	b = append(b, `{"_sd":[],"_sd_alg":"sha-256","action":"test.done","at":"2026-03-01T12:00:00.000000Z","claims":[],"id":"0190a1b2-0000-7000-8000-`...)
	b = fmt.Appendf(b, `%012x","log":"`, n)
	b = append(b, logA...)
	b = append(b, `","outcome":"done","public":{"door":"rest","fact_number":`...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, `},"target_type":"job","v":1}`...)
}

// bigRoot is the root of so many leaves.
func bigRoot(n int64) tlog.Hash {
	var roots []tlog.Hash
	var b []byte
	for i := range n {
		b = bigLeaf(b[:0], i)
		h := tlog.Hash(auditlog.LeafHash(b))
		for range bits.TrailingZeros64(uint64(i + 1)) {
			h = tlog.NodeHash(roots[len(roots)-1], h)
			roots = roots[:len(roots)-1]
		}
		roots = append(roots, h)
	}
	root := roots[len(roots)-1]
	for i := len(roots) - 2; i >= 0; i-- {
		root = tlog.NodeHash(roots[i], root)
	}
	return root
}

// big is the JSON export of so many entries, written as it is read.
type big struct {
	size, next int64
	text       []byte
}

func newBig(t testing.TB, n int64) *big {
	t.Helper()
	origin := auditlog.Origin(publicOf(1), logA, 1)
	note, err := auditlog.SignCheckpoint(keyOf(1), origin, n, bigRoot(n))
	must(t, err)
	header, err := json.Marshal(auditlog.ExportHeader{
		Format: auditlog.ExportFormat, Version: 1, Log: logA, Epochs: []auditlog.ExportEpoch{{Epoch: 1, Origin: origin, Checkpoint: string(note)}},
	})
	must(t, err)
	return &big{size: n, text: append(header, '\n')}
}

func (b *big) Read(p []byte) (int, error) {
	if len(b.text) == 0 {
		switch {
		case b.next > b.size:
			return 0, io.EOF
		case b.next == b.size:
			b.text = fmt.Appendf(b.text, "{\"end\":%d}\n", b.size)
			b.next++
		default:
			b.block()
		}
	}
	n := copy(p, b.text)
	b.text = b.text[n:]
	return n, nil
}

func (b *big) block() {
	var hashes, lines []byte
	from := b.next
	for ; b.next < min(b.size, from+256); b.next++ {
		lines = fmt.Appendf(lines, `{"epoch":1,"index":%d,"leaf":`, b.next)
		start := len(lines)
		lines = bigLeaf(lines, b.next)
		h := auditlog.LeafHash(lines[start:])
		hashes = append(hashes, h[:]...)
		lines = append(lines, "}\n"...)
	}
	b.text = fmt.Appendf(nil, `{"epoch":1,"from":%d,"hashes":"%s"}`+"\n%s", from, base64.StdEncoding.EncodeToString(hashes), lines)
}

// TestConstantMemory verifies a stream in the memory of a part of it. With
// PRIVACYD_BIG=10000000 it does so for ten million entries, and says how fast.
func TestConstantMemory(t *testing.T) {
	n := int64(200_000)
	if text := os.Getenv("PRIVACYD_BIG"); text != "" {
		var err error
		n, err = strconv.ParseInt(text, 10, 64)
		must(t, err)
	}
	export := newBig(t, n)
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	before, most, calls := stats.HeapAlloc, uint64(0), 0
	o := options()
	o.Workers = 2
	o.Progress = func(int64, int64) {
		if calls++; calls%100 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&stats)
			most = max(most, stats.HeapAlloc)
		}
	}
	start := time.Now()
	r, err := verify.JSON(t.Context(), export, o)
	must(t, err)
	wantFindings(t, r)
	grown := int64(most) - int64(before)
	t.Logf("%d entries in %v with %d KiB", r.Entries, time.Since(start), grown>>10)
	if r.Entries != n || grown > 24<<20 {
		t.Errorf("%d entries with %d bytes", r.Entries, grown)
	}
}
