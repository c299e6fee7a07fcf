package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestRelay hands over rows of every size, whole, in order and once.
func TestRelay(t *testing.T) {
	for _, size := range []int{0, 1, 300, relayBytes - 1, relayBytes, 3 * relayKept} {
		for _, count := range []int{0, 1, 2, relayBatches * 3} {
			t.Run(fmt.Sprintf("%d rows of %d bytes", count, size), func(t *testing.T) {
				read := func(_ context.Context, row func([]byte) error) error {
					buffer := make([]byte, size) // one for all rows, as a source has
					for i := range count {
						copy(buffer, fmt.Appendf(nil, "%d", i))
						if err := row(buffer); err != nil {
							return err
						}
					}
					return nil
				}
				got := 0
				err := relayRows(t.Context(), read, func(row []byte) error {
					want := make([]byte, size)
					copy(want, fmt.Appendf(nil, "%d", got))
					if got++; len(row) != size || !bytes.HasPrefix(row, bytes.TrimRight(want, "\x00")) {
						t.Errorf("row %d is another", got)
					}
					return nil
				})
				if err != nil || got != count {
					t.Errorf("%d rows of %d: %v", got, count, err)
				}
			})
		}
	}
}

// TestRelayErrors ends both sides, whichever fails; the writer's error counts.
func TestRelayErrors(t *testing.T) {
	errRead, errWrite := errors.New("read"), errors.New("write")
	const endless = 1 << 30
	for _, c := range []struct {
		name           string
		rows, failedAt int // of the reader, of the writer
		want           error
	}{
		{"the reader at once", 0, endless, errRead},
		{"the reader later", 5000, endless, errRead},
		{"the writer at once", endless, 0, errWrite},
		{"the writer later", endless, 5000, errWrite},
	} {
		t.Run(c.name, func(t *testing.T) {
			read := func(_ context.Context, row func([]byte) error) error {
				for range c.rows {
					if err := row(make([]byte, 100)); err != nil {
						return fmt.Errorf("read: %w", err)
					}
				}
				return errRead
			}
			n := 0
			err := relayRows(t.Context(), read, func([]byte) error {
				if n++; n > c.failedAt {
					return errWrite
				}
				return nil
			})
			if !errors.Is(err, c.want) {
				t.Errorf("%v, not %v", err, c.want)
			}
		})
	}
}
