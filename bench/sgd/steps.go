package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/privacyd/privacyd/bench/dialogues"
	"github.com/privacyd/privacyd/bench/measure"
)

const workspace = "dialogues"

// do runs every step in a folder of its own, which it removes.
func (r *run) do(ctx context.Context) (found differences, err error) {
	dir, err := os.MkdirTemp("", "privacyd-sgd-*")
	if err != nil {
		return found, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is temporary
	file := filepath.Join(dir, "import.ndjson")
	source, err := r.writeImport(file)
	if err != nil {
		return found, err
	}
	r.records = source.size()
	r.say("sgd: %d records and files of %d dialogues", r.records, len(source.records["conversations"]))
	embedded := measure.Program{Binary: r.binary, Data: filepath.Join(dir, "embedded")}
	out := filepath.Join(dir, "embedded.zip")
	if err := r.through(ctx, embedded, file, out, source, &found); err != nil {
		return found, err
	}
	again := measure.Program{Binary: r.binary, Data: filepath.Join(dir, "again")}
	if err := r.through(ctx, again, out, filepath.Join(dir, "again.zip"), source, &found); err != nil {
		return found, err
	}
	if r.postgres == "" {
		r.say("sgd: no PostgreSQL given: only the embedded store was tried")
		return found, nil
	}
	beside := measure.Program{Binary: r.binary, Data: filepath.Join(dir, "postgres"), Database: r.postgres}
	return found, r.through(ctx, beside, file, filepath.Join(dir, "postgres.zip"), source, &found)
}

// through imports a file, exports it, verifies and compares the archive.
func (r *run) through(ctx context.Context, p measure.Program, in, out string, source *sourceSet, found *differences) error {
	if _, err := p.Workspace(ctx, workspace); err != nil {
		return err
	}
	imported, err := p.Import(ctx, workspace, in)
	if err != nil {
		return err
	}
	exported, err := p.Export(ctx, workspace, out)
	if err != nil {
		return err
	}
	verified, err := p.Verify(ctx, out)
	if err != nil {
		return err
	}
	before := found.total
	if err := compare(out, source, found); err != nil {
		return err
	}
	seconds := func(d time.Duration) float64 { return d.Seconds() }
	r.say("sgd: %-8s → %-9s import %.1f s (%d MB), export %.1f s (%d MB), verify %.1f s, %d differences",
		filepath.Ext(in)[1:], filepath.Base(p.Data), seconds(imported.Took), imported.Peak>>20,
		seconds(exported.Made), exported.Peak>>20, seconds(verified.Took), found.total-before)
	return nil
}

// writeImport writes the dialogues as an import file and remembers what an
// export of it must hold.
func (r *run) writeImport(file string) (*sourceSet, error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("write the import: %w", err)
	}
	defer f.Close() //nolint:errcheck // closed below
	out := bufio.NewWriterSize(f, 1<<20)
	w := importWriter{lines: json.NewEncoder(out), source: newSourceSet()}
	n := 0
	for turns, err := range r.source {
		if err != nil {
			return nil, err
		}
		if err := w.dialogue(dialogues.Convert(n, turns)); err != nil {
			return nil, fmt.Errorf("write the import: %w", err)
		}
		n++
	}
	if err := out.Flush(); err != nil {
		return nil, fmt.Errorf("write the import: %w", err)
	}
	return w.source, f.Close()
}

type importWriter struct {
	lines  *json.Encoder
	source *sourceSet
}

func (w *importWriter) dialogue(c dialogues.Conversation) error {
	if c.Contact != nil {
		if err := w.record("contacts", c.Contact, nil); err != nil {
			return err
		}
	}
	if err := w.record("conversations", c.Conversation, []string{"last_message_at"}); err != nil {
		return err
	}
	for _, m := range c.Messages {
		if err := w.record("messages", m, nil); err != nil {
			return err
		}
	}
	for _, a := range c.Attachments {
		with := dialogues.Record{"content_base64": base64.StdEncoding.EncodeToString(a.Content)}
		for name, value := range a.Record {
			with[name] = value
		}
		w.source.add("attachments", a.Record)
		if err := w.line("attachments", with, []string{"size", "sha256"}); err != nil {
			return err
		}
	}
	return nil
}

// record writes a record without the fields that privacyd derives itself.
func (w *importWriter) record(collection string, r dialogues.Record, derived []string) error {
	w.source.add(collection, r)
	return w.line(collection, r, derived)
}

func (w *importWriter) line(collection string, r dialogues.Record, derived []string) error {
	given := dialogues.Record{}
	for name, value := range r {
		given[name] = value
	}
	for _, name := range derived {
		delete(given, name)
	}
	return w.lines.Encode(map[string]any{"collection": collection, "record": given})
}
