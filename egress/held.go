package egress

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

const chunkSize = 64 << 10

// held is a call's body in memory, as it came.
type held struct {
	chunks [][]byte // each of chunkSize bytes, but for the last
	size   int64
}

// fill reads a body to its end and hands each part to see. more is asked before
// memory is taken for bytes from an offset on.
func (h *held) fill(body io.Reader, expected int64, more func(from int64) error, see func([]byte) error) error {
	for {
		if err := more(h.size); err != nil {
			return err
		}
		size := int64(chunkSize)
		if expected >= 0 {
			size = min(size, max(expected+1-h.size, 1)) // one more, to see the end
		}
		chunk := make([]byte, size)
		n, err := io.ReadFull(body, chunk)
		if n > 0 {
			h.chunks, h.size = append(h.chunks, chunk[:n]), h.size+int64(n)
			if err := see(chunk[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// part is a piece of what is sent: a text, or bytes of what is held.
type part struct {
	text     []byte
	from, to int64
}

// outgoing is a changed body on its way to the provider. It is read once; then
// its memory is given back.
type outgoing struct {
	mu     sync.Mutex
	body   *held
	parts  []part
	size   int64
	closed func() // nil: it was called
}

func (o *outgoing) add(p part) {
	o.parts = append(o.parts, p)
	o.size += int64(len(p.text)) + p.to - p.from
}

// Read implements io.Reader.
func (o *outgoing) Read(to []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	read := 0
	for len(o.parts) > 0 && read < len(to) {
		next := &o.parts[0]
		if next.text == nil && next.from < next.to {
			chunk := o.body.chunks[next.from/chunkSize]
			within := next.from % chunkSize
			n := copy(to[read:], chunk[within:min(int64(len(chunk)), within+next.to-next.from)])
			read, next.from = read+n, next.from+int64(n)
			continue
		}
		n := copy(to[read:], next.text)
		read += n
		if next.text = next.text[n:]; len(next.text) == 0 {
			o.parts = o.parts[1:]
		}
	}
	if read == 0 && len(o.parts) == 0 {
		return 0, io.EOF
	}
	return read, nil
}

// Close implements io.Closer.
func (o *outgoing) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed != nil {
		o.closed()
		o.closed, o.body, o.parts = nil, nil, nil
	}
	return nil
}
