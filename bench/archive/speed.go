package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/privacyd/privacyd/archive"
)

// speed writes the dialogues as a collection of messages at each level, beside
// what gzip -6 makes of the same bytes.
func speed(file string) error {
	records, err := messages(file)
	if err != nil {
		return err
	}
	plain := bytes.Join(records, []byte(",\n"))
	var small bytes.Buffer
	begun := time.Now()
	g, err := gzip.NewWriterLevel(&small, 6)
	if err != nil {
		return err
	}
	if _, err := g.Write(plain); err != nil {
		return err
	}
	if err := g.Close(); err != nil {
		return err
	}
	fmt.Printf("%d records, %d MB; gzip -6: %d MB, %.0f MB/s\n", len(records), len(plain)/1e6, small.Len()/1e6, rate(len(plain), time.Since(begun)))
	for level := 1; level <= 7; level++ {
		if err := measure(level, records, len(plain), small.Len()); err != nil {
			return err
		}
	}
	return nil
}

func rate(bytes int, in time.Duration) float64 { return float64(bytes) / 1e6 / in.Seconds() }

func measure(level int, records [][]byte, plain, small int) error {
	begun, used, high := time.Now(), processor(), peak()
	w := archive.NewWriter(io.Discard, archive.Options{Spool: newFileSpool, Level: level})
	defer w.Abort()
	c, err := w.Collection("messages", nil)
	if err != nil {
		return err
	}
	for _, record := range records {
		if err := c.Record(record); err != nil {
			return err
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	summary, err := w.Close(archive.Info{Product: "archivebench"})
	if err != nil {
		return err
	}
	fmt.Printf("level %d   %.3f of gzip -6, %4.0f MB/s, %4.0f MB for each second of a processor, heap %d MiB\n", level,
		float64(summary.Bytes)/float64(small), rate(plain, time.Since(begun)), rate(plain, processor()-used), high()>>20)
	return nil
}

// processor is the processor time that this process has used, which does not
// depend on who else is busy on the machine.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// messages makes records as the embedded dataset has them out of real dialogues.
func messages(file string) ([][]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var records [][]byte
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		var turn struct {
			Dialogue string `json:"dialogue_id"`
			Turn     int    `json:"turn"`
			Speaker  string `json:"speaker"`
			Text     string `json:"text"`
		}
		if err := json.Unmarshal(lines.Bytes(), &turn); err != nil {
			return nil, err
		}
		direction := "inbound"
		if turn.Speaker == "SYSTEM" {
			direction = "outbound"
		}
		text, err := json.Marshal(turn.Text)
		if err != nil {
			return nil, err
		}
		n := len(records)
		at := time.Unix(1_700_000_000+int64(n)*37, 0).UTC().Format(time.RFC3339)
		records = append(records, fmt.Appendf(nil, `{"id":"m-%d","conversation_id":%q,"direction":%q,"author_id":"u-%d","body":%s,"ai_metadata":null,"created_at":%q}`,
			n, turn.Dialogue, direction, n/20, text, at))
	}
	return records, lines.Err()
}
