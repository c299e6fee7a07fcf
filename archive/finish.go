package archive

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/privacyd/privacyd"
)

// Close writes README.html, manifest.json and the directory, and tells what the
// archive holds. Every collection must be closed before. It does not close the
// stream.
func (w *Writer) Close(info Info) (Summary, error) {
	if err := w.usable(); err != nil {
		return Summary{}, err
	}
	if len(w.open) > 0 {
		return Summary{}, privacyd.Errorf(privacyd.ClassInternal, "archive_collection_open",
			"The archive has %d open collections. Close them before the archive.", len(w.open))
	}
	defer w.Abort()
	var page bytes.Buffer
	if err := w.readme(&page, info); err != nil {
		return Summary{}, w.fail(err)
	}
	if _, err := w.file(readmePath, &page); err != nil {
		return Summary{}, err
	}
	central := &frames{open: w.options.Spool}
	defer central.close()
	if err := w.manifest(info, central); err != nil {
		return Summary{}, w.fail(err)
	}
	if err := w.zip.finish(central); err != nil {
		return Summary{}, w.fail(err)
	}
	return w.summary(), nil
}

func (w *Writer) summary() Summary {
	s := Summary{
		Records: map[string]int64{}, Files: w.complete,
		Missing: w.missing.count, Bytes: w.Written(),
	}
	for _, c := range w.collections {
		s.Records[c.Name] += c.Records
	}
	return s
}

func (w *Writer) head(info Info) Manifest {
	head := Manifest{
		Format: FormatVersion, Product: info.Product,
		Workspace: info.Workspace, Kind: info.Kind, ExportFormat: info.Format, Subject: info.Subject,
		SnapshotTime: info.SnapshotTime.UTC(), CreatedAt: info.CreatedAt.UTC(),
		Datasets: []Dataset{}, Redactions: info.Redactions, AuditPending: info.AuditPending, Collections: w.collections,
	}
	for _, d := range info.Datasets {
		d.SnapshotTime = d.SnapshotTime.UTC()
		head.Datasets = append(head.Datasets, d)
	}
	if head.Collections == nil {
		head.Collections = []*CollectionInfo{}
	}
	return head
}

// manifest writes manifest.json, one file a line, and on the same way fills
// central with the directory's records.
func (w *Writer) manifest(info Info, central *frames) error {
	e, err := w.zip.create(manifestPath, "", w.stamp(time.Time{}), false)
	if err != nil {
		return err
	}
	defer e.discard()
	out := bufio.NewWriterSize(e, 16<<10)
	if err := w.writeManifest(out, info, central); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	own, err := e.end()
	if err != nil {
		return err
	}
	return central.add(own.appendCentral(nil))
}

func (w *Writer) writeManifest(out *bufio.Writer, info Info, central *frames) error {
	head, err := readableJSON(w.head(info), "  ")
	if err != nil {
		return err
	}
	_, _ = out.Write(bytes.TrimSuffix(head, []byte("\n}")))
	_, _ = out.WriteString(",\n  \"missing\": [")
	lines := lineList{out: out}
	if err := w.missing.each(lines.add); err != nil {
		return err
	}
	_, _ = out.WriteString(lines.end() + ",\n  \"files\": [")
	lines = lineList{out: out}
	err = w.zip.main.index.each(func(frame []byte) error {
		done, err := parseListed(frame)
		if err != nil {
			return err
		}
		line, err := readableJSON(done.line(), "")
		if err != nil {
			return err
		}
		if err := lines.add(line); err != nil {
			return err
		}
		return central.add(done.appendCentral(nil))
	})
	if err != nil {
		return err
	}
	_, err = out.WriteString(lines.end() + "\n}\n")
	return err
}

// readableJSON is JSON for people: & and < stay as they are.
func readableJSON(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (e *listed) line() FileInfo {
	line := FileInfo{
		Path: e.name, Bytes: e.plain, SHA256: hex.EncodeToString(e.sha256[:]),
		Original: e.original, Incomplete: e.incomplete,
	}
	if e.records >= 0 {
		line.Records = &e.records
	}
	return line
}

// lineList writes array elements, one a line.
type lineList struct {
	out   io.Writer
	begun bool
}

func (l *lineList) end() string {
	if l.begun {
		return "\n  ]"
	}
	return "]"
}

func (l *lineList) add(line []byte) error {
	separator := ",\n    "
	if !l.begun {
		separator, l.begun = "\n    ", true
	}
	if _, err := io.WriteString(l.out, separator); err != nil {
		return err
	}
	_, err := l.out.Write(line)
	return err
}
