package auditlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// WriteParts writes the log as C2SP tlog-tiles lays it out, with the older
// checkpoints and the disclosures beside (see Part): put is given each part
// once, and its content, which it must not keep. Filters are not possible.
// Checkpoints come last, so that whatever has them is whole, and they cover
// the erasures that were entered meanwhile. ErrNotSequenced: nothing is signed
// yet.
func (v *View) WriteParts(ctx context.Context, o Export, put func(p Part, content []byte) error) (Written, error) {
	w := &partsWriter{export: o, put: put, sizes: map[int]int64{}}
	if err := w.write(ctx, v); err != nil {
		return w.written, fmt.Errorf("write the parts of the audit log: %w", err)
	}
	return w.written, nil
}

type partsWriter struct {
	export  Export
	put     func(p Part, content []byte) error
	written Written
	sizes   map[int]int64 // what is written of each epoch
	content bytes.Buffer
	erasing underWay
}

// write goes on until no erasure was entered meanwhile: what one erased may be
// missing in what was just written.
func (w *partsWriter) write(ctx context.Context, v *View) error {
	if len(v.heads) == 0 {
		return ErrNotSequenced
	}
	for {
		if err := w.grow(ctx, v); err != nil {
			return err
		}
		now, err := w.erasing.after(ctx, v, w.export.Patience)
		if err != nil {
			return err
		}
		erased, err := erasedSince(ctx, v, now)
		if err != nil {
			return err
		}
		if erased == 0 {
			break
		}
		v, w.erasing = now, nil
	}
	for _, h := range v.heads {
		for _, kind := range []string{PartOlder, PartCheckpoint} {
			if err := w.part(ctx, v, Part{Epoch: h.Epoch, Kind: kind}); err != nil {
				return err
			}
		}
	}
	return nil
}

// grow writes the parts of each epoch that are not written yet.
func (w *partsWriter) grow(ctx context.Context, v *View) error {
	for _, h := range v.heads {
		for p := range Parts(h.Epoch, h.Size) {
			if p.Kind == PartOlder || p.Kind == PartCheckpoint || p.of(w.sizes[h.Epoch]) {
				continue
			}
			if err := w.part(ctx, v, p); err != nil {
				return err
			}
			if w.export.Progress != nil && p.Kind == PartEntries {
				w.export.Progress(p.N<<tileHeight+int64(p.Width), h.Size)
			}
		}
		w.written.Entries += h.Size - w.sizes[h.Epoch]
		w.sizes[h.Epoch] = h.Size
	}
	return nil
}

// of tells whether a tree of so many leaves has the tile or bundle, too.
func (p Part) of(size int64) bool {
	end := p.N<<tileHeight + int64(p.Width)
	size >>= tileHeight * p.Level
	return end == size || end < size && p.Width == tileWidth
}

func (w *partsWriter) part(ctx context.Context, v *View, p Part) error {
	w.content.Reset()
	damaged, err := v.writePart(ctx, &w.content, p, w.export, &w.erasing)
	w.written.Damaged += damaged
	if errors.Is(err, ErrNoTile) && p.Level > 0 { // what it holds can be computed: verification goes on without it
		w.written.Damaged++
		return nil
	}
	if err != nil {
		return err
	}
	return w.put(p, w.content.Bytes())
}
