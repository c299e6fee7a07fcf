package auditlog

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Export says how a log is to be written.
type Export struct {
	At     time.Time
	Key    ed25519.PublicKey
	Filter map[string]string   // what was asked for, to be told; nil: the whole log
	Keep   func(o Opened) bool // with Filter: whether the entry is to be in it
	Among  Query               // with Filter: entries that Keep keeps have such an id and such an action; zero: any

	// Tolerate says of an error that an entry fails with, and which is none of
	// this package's, whether the entry may be written as far as it is there.
	// Default: it may not, and nothing more is written.
	Tolerate func(err error) bool
	Progress func(done, total int64) // entries; may be nil
	// Patience is how long to wait for the end of erasures that have begun, so
	// that the log accounts for what they take away. Default 30 s.
	Patience time.Duration
}

// Written is what came of writing a log.
type Written struct {
	Entries int64
	Damaged int64 // entries that are not there or not whole: verification will name them
}

// WriteJSON writes the log as JSON, one object a line, to be checked with
// package verify: an ExportHeader; in the order of epochs and indexes, before
// each 256 entries a line with their leaf hashes, then a line for each entry;
// at last a line with the number of entries. With a filter there are no leaf
// hashes, but a proof with each entry; the entries that explain missing
// disclosures are then written whatever the filter is. Erasures that were
// entered while the log was written are added with proofs of their own, since
// what they erased may be missing already.
func (v *View) WriteJSON(ctx context.Context, w io.Writer, o Export) (Written, error) {
	out := &jsonWriter{view: v, export: o, w: bufio.NewWriterSize(w, 1<<16)}
	if err := out.write(ctx); err != nil {
		return out.written, fmt.Errorf("write the audit log as JSON: %w", err)
	}
	return out.written, nil
}

type jsonWriter struct {
	view    *View
	export  Export
	w       *bufio.Writer
	line    []byte
	roots   [][32]byte // of a page of blocks
	written Written
	seen    int64
	erasing underWay
}

func (j *jsonWriter) write(ctx context.Context) error {
	header, err := j.header(ctx)
	if err != nil {
		return err
	}
	if err := j.object(header); err != nil {
		return err
	}
	for _, h := range j.view.heads {
		if err := j.epoch(ctx, h); err != nil {
			return err
		}
	}
	if err := j.later(ctx); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(j.w, "{\"end\":%d}\n", j.written.Entries); err != nil {
		return err
	}
	return j.w.Flush()
}

func (j *jsonWriter) object(value any) error {
	e := json.NewEncoder(j.w)
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

func (j *jsonWriter) header(ctx context.Context) (*ExportHeader, error) {
	v := j.view
	h := &ExportHeader{
		Format: ExportFormat, Version: ExportVersion, Log: v.name, At: j.export.At.UTC(), Filter: j.export.Filter,
		Key: VerifierKey(j.export.Key, Origin(j.export.Key, v.name, max(1, len(v.heads)))), Epochs: []ExportEpoch{},
	}
	for i, head := range v.heads {
		older, err := v.Older(ctx, head.Epoch)
		if err != nil {
			return nil, err
		}
		e := ExportEpoch{Epoch: head.Epoch, Origin: head.Origin, Checkpoint: string(head.Checkpoint)}
		for _, note := range older {
			e.Older = append(e.Older, string(note))
		}
		if i+1 < len(v.heads) {
			if e.Next, err = v.ended(ctx, head, v.heads[i+1]); err != nil {
				return nil, err
			}
		}
		h.Epochs = append(h.Epochs, e)
	}
	return h, nil
}

// ended reads what the first entry of the next epoch says of one. Where it
// does not, that is left to verification.
func (v *View) ended(ctx context.Context, h, next Head) (*Ended, error) {
	leaf, err := v.leaf(ctx, next.Epoch, 0)
	if err != nil {
		return nil, err
	}
	l, err := ParseLeaf(leaf)
	if err != nil {
		return nil, nil //nolint:nilerr // a leaf that was tampered with says nothing
	}
	if epoch, e, ok := ParseEnded(l.Public); ok && epoch == h.Epoch {
		return &e, nil
	}
	return nil, nil
}

// leaf gives the letters of a leaf, whether or not they are good; nil where
// the entry is gone.
func (v *View) leaf(ctx context.Context, epoch int, index int64) ([]byte, error) {
	leaves, err := v.log.Trees.Leaves(ctx, v.name, epoch, index, index+1)
	if err != nil {
		return nil, fmt.Errorf("read a leaf: %w", err)
	}
	if len(leaves) != 1 {
		return nil, nil
	}
	return leaves[0], nil
}

func (j *jsonWriter) epoch(ctx context.Context, h Head) error {
	if j.export.Filter == nil {
		return j.stretch(ctx, h, 0, h.Size)
	}
	stretches, err := j.view.among(ctx, h, j.export.Among)
	if err != nil {
		return err
	}
	for _, s := range stretches {
		if err := j.stretch(ctx, h, s.from, s.to); err != nil {
			return err
		}
	}
	return nil
}

// stretch writes the entries [from, to).
func (j *jsonWriter) stretch(ctx context.Context, h Head, from, to int64) error {
	for p, err := range j.view.Entries(ctx, h.Epoch, from, to) {
		if p.Index < 0 {
			return err
		}
		if j.export.Filter == nil && p.Index%ErasureBlock == 0 {
			if err := j.block(ctx, h, p.Index); err != nil {
				return err
			}
		}
		if err := j.entry(ctx, h, p, err); err != nil {
			return err
		}
	}
	return nil
}

// block writes the leaf hashes of up to 256 entries and the root that the tree
// has of them, so that whatever is changed is found within its block. Where a
// hash is gone there are 32 zero bytes.
func (j *jsonWriter) block(ctx context.Context, h Head, from int64) error {
	to := min(from+ErasureBlock, h.Size)
	hashes, err := j.view.LeafHashes(ctx, h.Epoch, from, to)
	if errors.Is(err, ErrNoEntry) {
		hashes, err = j.view.knownHashes(ctx, h.Epoch, from, to)
	}
	if err != nil {
		return err
	}
	root, err := j.root(ctx, h, from)
	if err != nil {
		return err
	}
	b := strconv.AppendInt(append(j.line[:0], `{"epoch":`...), int64(h.Epoch), 10)
	b = strconv.AppendInt(append(b, `,"from":`...), from, 10)
	b = append(b, `,"hashes":"`...)
	b = base64.StdEncoding.AppendEncode(b, joinHashes(hashes))
	if root != nil {
		b = base64.StdEncoding.AppendEncode(append(b, `","root":"`...), root)
	}
	j.line = append(b, "\"}\n"...)
	_, err = j.w.Write(j.line)
	return err
}

// root gives the root that the tree has of a block; nil: it has none.
func (j *jsonWriter) root(ctx context.Context, h Head, from int64) ([]byte, error) {
	n, blocks := from/ErasureBlock, h.Size/ErasureBlock
	if n >= blocks {
		return h.rest(), nil
	}
	if at := n % rootsPage; at == 0 {
		var err error
		j.roots, err = j.nodes(ctx, h.Epoch, n, min(n+rootsPage, blocks))
		if err != nil {
			return nil, err
		}
	}
	if root := j.roots[n%rootsPage]; root != [32]byte{} {
		return root[:], nil
	}
	return nil, nil
}

const rootsPage = 256

// nodes reads roots of blocks; those that are gone are zero.
func (j *jsonWriter) nodes(ctx context.Context, epoch int, from, to int64) ([][32]byte, error) {
	nodes, err := j.view.log.Trees.Nodes(ctx, j.view.name, epoch, 1, from, to)
	if !errors.Is(err, ErrNoTile) {
		return nodes, err
	}
	nodes = make([][32]byte, 0, to-from)
	for n := from; n < to; n++ {
		one, err := j.view.log.Trees.Nodes(ctx, j.view.name, epoch, 1, n, n+1)
		if err = ignore(err, ErrNoTile); err != nil {
			return nil, err
		}
		nodes = append(nodes, append(one, [32]byte{})[0])
	}
	return nodes, nil
}

func joinHashes(hashes [][32]byte) []byte {
	b := make([]byte, 0, len(hashes)*32)
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// entry writes one entry; failed says what is wrong with it.
func (j *jsonWriter) entry(ctx context.Context, h Head, p Positioned, failed error) error {
	j.seen++
	if j.export.Progress != nil && j.seen%1024 == 0 {
		j.export.Progress(j.seen, j.total())
	}
	if failed != nil {
		if !j.export.tells(failed) {
			return failed
		}
		j.written.Damaged++
		leaf, err := j.view.leaf(ctx, h.Epoch, p.Index)
		if err != nil || leaf == nil {
			return err
		}
		p.Leaf = leaf
	}
	if j.export.Filter == nil {
		j.erasing.note(h.Epoch, p)
		return j.put(h.Epoch, p, nil)
	}
	if failed == nil && !explains(p) && j.export.Keep != nil && !j.export.Keep(p.Opened) {
		return nil
	}
	j.erasing.note(h.Epoch, p)
	proof, err := j.view.Prove(ctx, h.Epoch, p.Index)
	if err != nil {
		return err
	}
	return j.put(h.Epoch, p, proof)
}

func (j *jsonWriter) total() (n int64) {
	for _, h := range j.view.heads {
		n += h.Size
	}
	return n
}

// explains tells whether verification may need the entry to explain what is
// missing.
func explains(p Positioned) bool { return p.Action == ActionErased || p.Action == ActionEpoch }

// tells says whether an entry that failed with err is to be written as far as
// it is there, so that verification can name it.
func (o *Export) tells(err error) bool {
	for _, tampered := range []error{ErrNoEntry, ErrLeaf, ErrHash, ErrDisclosure} {
		if errors.Is(err, tampered) {
			return true
		}
	}
	return o.Tolerate != nil && o.Tolerate(err)
}

func (j *jsonWriter) put(epoch int, p Positioned, proof [][32]byte) error {
	if j.line = appendEntry(j.line[:0], epoch, p, proof); len(j.line) > MaxLine {
		return fmt.Errorf("%w: entry %d", ErrLine, p.Index)
	}
	j.written.Entries++
	_, err := j.w.Write(j.line)
	return err
}

// later writes the erasures that were entered since the view was taken.
func (j *jsonWriter) later(ctx context.Context) error {
	if len(j.view.heads) == 0 {
		return nil
	}
	before := j.view.heads[len(j.view.heads)-1]
	now, err := j.erasing.after(ctx, j.view, j.export.Patience)
	if err != nil {
		return err
	}
	h, err := now.head(before.Epoch)
	if err != nil || h.Size <= before.Size || before.Size == 0 {
		return err
	}
	told := false
	for p, err := range now.Entries(ctx, h.Epoch, before.Size, h.Size) {
		if p.Index < 0 {
			return err
		}
		if err != nil || p.Action != ActionErased {
			continue
		}
		if !told {
			if err := j.checkpoint(ctx, now, before, h); err != nil {
				return err
			}
		}
		told = true
		proof, err := now.Prove(ctx, h.Epoch, p.Index)
		if err != nil {
			return err
		}
		if err := j.put(h.Epoch, p, proof); err != nil {
			return err
		}
	}
	return nil
}

func (j *jsonWriter) checkpoint(ctx context.Context, now *View, before, h Head) error {
	proof, err := now.ProveConsistency(ctx, h.Epoch, before.Size)
	if err != nil {
		return err
	}
	line := ExportLater{Epoch: h.Epoch, Checkpoint: string(h.Checkpoint), Consistency: [][]byte{}}
	for i := range proof {
		line.Consistency = append(line.Consistency, proof[i][:])
	}
	return j.object(line)
}
