package engine

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/datamap"
)

// readSpooled keeps rows that name files until the snapshot is closed: copying
// many files out of a slow bucket must not hold it open.
func (x *extraction) readSpooled(ctx context.Context, p *part) error {
	spool, err := x.e.Spool()
	if err != nil {
		return err
	}
	p.spool = spool
	out := bufio.NewWriterSize(spool, 1<<16)
	fields, err := x.fields(ctx, p)
	if err != nil {
		return err
	}
	if err := writeFrame(out, fields); err != nil {
		return err
	}
	err = x.snapshots[p.dataset.Source].Read(ctx, p.selection, func(row datamap.Row) error {
		edited, err := x.edit(p, row.JSON)
		if err != nil {
			return err
		}
		if err := writeFrame(out, spooledRow{JSON: edited, Files: row.Files}); err != nil {
			return err
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

type spooledRow struct {
	JSON  json.RawMessage
	Files []datamap.File
}

func (x *extraction) writeFiles(ctx context.Context) error {
	for i := range x.parts {
		p := &x.parts[i]
		if p.spool == nil {
			continue
		}
		if err := x.replay(ctx, p); err != nil {
			return fmt.Errorf("export files of %s: %w", p.selection.Collection.Name, err)
		}
	}
	return nil
}

// replay writes the files of a collection first and its records, which say
// where each file is, from a second spool after them.
func (x *extraction) replay(ctx context.Context, p *part) error {
	back, err := p.spool.Rewind()
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(back, 1<<16)
	var fields []archive.FieldInfo
	if err := readFrame(in, &fields); err != nil {
		return err
	}
	records, err := x.e.Spool()
	if err != nil {
		return err
	}
	defer records.Close() //nolint:errcheck // it is temporary
	if err := x.copyFiles(ctx, p, in, records); err != nil {
		return err
	}
	return x.writeRecords(ctx, p, fields, records)
}

func (x *extraction) copyFiles(ctx context.Context, p *part, in *bufio.Reader, records io.Writer) error {
	out := bufio.NewWriterSize(records, 1<<16)
	for {
		var row spooledRow
		err := readFrame(in, &row)
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return err
		}
		record, err := x.copyRowFiles(ctx, p, row)
		if err != nil {
			return err
		}
		if err := writeFrame(out, json.RawMessage(record)); err != nil {
			return err
		}
		x.meter.p.Done++
		if err := x.meter.report(ctx, time.Second); err != nil {
			return err
		}
	}
}

func (x *extraction) writeRecords(ctx context.Context, p *part, fields []archive.FieldInfo, records archive.Spool) error {
	back, err := records.Rewind()
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(back, 1<<16)
	w, err := x.out.Collection(p.name, append(fields, archive.FieldInfo{Name: pathField(p), Type: "text", Encoding: archive.EncodingArchivePath}))
	if err != nil {
		return err
	}
	for {
		var record json.RawMessage
		err := readFrame(in, &record)
		if errors.Is(err, io.EOF) {
			return w.Close()
		}
		if err != nil {
			return err
		}
		if err := w.Record(record); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// copyRowFiles writes the files of one row and gives the row with their paths:
// null for one that is missing, one place for each file column of the map.
func (x *extraction) copyRowFiles(ctx context.Context, p *part, row spooledRow) ([]byte, error) {
	columns := p.selection.Collection.Files
	paths := make([]*string, len(columns))
	for i, c := range columns {
		var err error
		if paths[i], err = x.copyColumn(ctx, p, row, c); err != nil {
			return nil, err
		}
	}
	if len(columns) > 1 {
		return appendField(row.JSON, pathField(p), paths)
	}
	return appendField(row.JSON, pathField(p), paths[0])
}

// copyColumn writes the file that a row names in one column. A row that names
// none where each has one is reported.
func (x *extraction) copyColumn(ctx context.Context, p *part, row spooledRow, c *datamap.FileColumn) (*string, error) {
	for _, f := range row.Files {
		if f.Column == c.Column {
			return x.copyFile(ctx, p, row, f)
		}
	}
	if !c.Required {
		return nil, nil
	}
	return nil, x.out.Missing(archive.MissingFile{
		Collection: p.name, ID: rowID(p.selection.Collection, row.JSON),
		Name: fileName(p, c, row), Reason: "content_missing",
	})
}

// fileName is what the row calls the file of a column.
func fileName(p *part, c *datamap.FileColumn, row spooledRow) string {
	for _, f := range p.selection.Fields {
		if f.Column != c.NameColumn {
			continue
		}
		var fields map[string]any
		if json.Unmarshal(row.JSON, &fields) == nil {
			name, _ := fields[f.Name].(string)
			return name
		}
	}
	return ""
}

// pathField is the field that says where a record's files are in the archive:
// an array where a record may name several.
func pathField(p *part) string {
	name := "path"
	if len(p.selection.Collection.Files) > 1 {
		name = "paths"
	}
	taken := func(f *datamap.Field) bool { return f.Name == name }
	for slices.ContainsFunc(p.selection.Fields, taken) {
		name = "archive_" + name
	}
	return name
}

func (x *extraction) copyFile(ctx context.Context, p *part, row spooledRow, f datamap.File) (*string, error) {
	bucket, ok := p.dataset.Files[f.Bucket]
	if !ok {
		return nil, privacyd.Errorf(privacyd.ClassRefused, "bucket_unknown",
			"The data map names the bucket %s, which is not configured. Add it under blobs.files.", f.Bucket)
	}
	name := f.Name
	if x.others != nil && x.sharedName(p, f) {
		name, _ = x.others.mask(name)
	}
	if name == "" {
		name = path.Base(f.Key)
	}
	workspace := x.workspace.ID
	if workspace == "" { // ours begin with their workspace; a product's bucket has none
		workspace, _, _ = strings.Cut(f.Key, "/")
	}
	blob, err := bucket.Open(ctx, workspace, f.Key)
	if err == nil {
		defer blob.Close() //nolint:errcheck // it was only read
		var at string
		if at, _, _, err = x.out.Attachment(ctx, name, time.Time{}, blob); err == nil {
			return &at, nil
		}
	}
	reason := privacyd.CodeOf(err)
	if reason != "blob_missing" && reason != "blob_damaged" {
		return nil, err
	}
	return nil, x.out.Missing(archive.MissingFile{
		Collection: p.name, ID: rowID(p.selection.Collection, row.JSON), Name: name, Reason: reason,
	})
}

// sharedName tells whether a file's name may be about others, too.
func (x *extraction) sharedName(p *part, f datamap.File) bool {
	for _, c := range p.selection.Collection.Files {
		if c.Column != f.Column {
			continue
		}
		for _, field := range p.selection.Fields {
			if field.Column == c.NameColumn {
				return slices.Contains(p.shared, field.Name)
			}
		}
	}
	return false
}

// rowID is the key of a row as people write it.
func rowID(c *datamap.Collection, record []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(record, &fields) != nil {
		return ""
	}
	id := ""
	for _, column := range c.Key {
		for _, f := range c.Fields {
			if f.Column != column || !f.Exported() {
				continue
			}
			var text string
			if json.Unmarshal(fields[f.Name], &text) != nil {
				text = string(fields[f.Name])
			}
			if id != "" {
				id += "/"
			}
			id += text
		}
	}
	return id
}

// appendField adds a field to the end of a JSON object.
func appendField(object []byte, name string, value any) ([]byte, error) {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	end := len(object) - 1
	for end > 0 && object[end] != '}' {
		end--
	}
	out := append([]byte{}, object[:end]...)
	if end > 1 {
		out = append(out, ',')
	}
	return append(append(fmt.Appendf(out, "%q:", name), raw...), '}'), nil
}

func writeFrame(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode spooled row: %w", err)
	}
	if _, err := w.Write(binary.AppendUvarint(nil, uint64(len(raw)))); err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}

func readFrame(r *bufio.Reader, v any) error {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return err
	}
	raw := make([]byte, n)
	if _, err := io.ReadFull(r, raw); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF // the end is not expected here
		}
		return fmt.Errorf("read spooled row: %w", err)
	}
	return json.Unmarshal(raw, v)
}
