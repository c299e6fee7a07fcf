package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/archive"
)

// part is a file of an archive that is taken apart and put together again.
type part struct {
	name    string
	content []byte
}

func apart(t testing.TB, data []byte) []part {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	var parts []part
	for _, f := range r.File {
		in, err := f.Open()
		must(t, err)
		content, err := io.ReadAll(in)
		must(t, err)
		parts = append(parts, part{f.Name, content})
	}
	return parts
}

func together(t testing.TB, parts []part) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, p := range parts {
		f, err := w.Create(p.name)
		must(t, err)
		_, err = f.Write(p.content)
		must(t, err)
	}
	must(t, w.Close())
	return out.Bytes()
}

// edit changes one file of the archive.
func edit(name string, change func([]byte) []byte) func([]part) []part {
	return func(parts []part) []part {
		for i := range parts {
			if parts[i].name == name {
				parts[i].content = change(parts[i].content)
			}
		}
		return parts
	}
}

func swap(old, with string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(with), 1) }
}

const data1 = "data/contacts.json"

// Every archive here was packed again by another program, so layout_changed is
// always there; the other problems are what each damage is told by.
func TestTamperedFiles(t *testing.T) {
	tests := map[string]struct {
		change func([]part) []part
		path   string
		code   archive.ProblemCode
	}{
		"packed again":         {func(p []part) []part { return p }, "", archive.ProblemLayout},
		"a byte of a record":   {edit(data1, swap("zoe@", "joe@")), data1, archive.ProblemHash},
		"a record taken out":   {edit(data1, swap(`{"id":"c1","name":"Zoë","email":"zoe@example.com"},`, "")), data1, archive.ProblemSize},
		"a file left out":      {drop(data1), data1, archive.ProblemFileMissing},
		"a file put in":        {add("data/more.json"), "data/more.json", archive.ProblemFileExtra},
		"a path upwards":       {add("../evil"), "../evil", archive.ProblemPath},
		"an absolute path":     {add("/etc/cron.d/x"), "/etc/cron.d/x", archive.ProblemPath},
		"a Windows path":       {add(`C:\evil`), `C:\evil`, archive.ProblemPath},
		"a device":             {add("data/NUL.json"), "data/NUL.json", archive.ProblemPath},
		"the same path twice":  {add(data1), data1, archive.ProblemDuplicate},
		"twice but for case":   {add("DATA/contacts.json"), "DATA/contacts.json", archive.ProblemDuplicate},
		"files swapped":        {exchange(data1, "attachments/0000002-photo.jpg"), data1, archive.ProblemSize},
		"no manifest":          {drop("manifest.json"), "manifest.json", archive.ProblemManifest},
		"no JSON in manifest":  {edit("manifest.json", func([]byte) []byte { return []byte("{") }), "manifest.json", archive.ProblemManifest},
		"a later format":       {edit("manifest.json", swap("privacyd-archive/1", "privacyd-archive/9")), "manifest.json", archive.ProblemFormat},
		"a member twice":       {edit("manifest.json", swap(`"kind"`, `"format": "x", "kind"`)), "manifest.json", archive.ProblemManifest},
		"no list of files":     {edit("manifest.json", swap(`"files"`, `"filez"`)), "manifest.json", archive.ProblemManifest},
		"a count changed":      {edit("manifest.json", swap(`"records": 2`, `"records": 3`)), data1, archive.ProblemRecords},
		"a file not counted":   {edit("manifest.json", swap(`"records":2,`, ``)), data1, archive.ProblemRecords},
		"a sum changed":        {edit("manifest.json", swap(`"sha256":"`, `"sha256":"00`)), data1, archive.ProblemHash},
		"a file listed twice":  {listedTwice, data1, archive.ProblemDuplicate},
		"an attachment is out": {attachmentOut, "attachments/0000002-photo.jpg", archive.ProblemAttachment},
		"a missing file gone":  {edit("manifest.json", swap(`"id":"a9"`, `"id":"a1"`)), "manifest.json", archive.ProblemMissingListed},
		"missing of nothing":   {edit("manifest.json", swap(`"collection":"attachments"`, `"collection":"nothing"`)), "manifest.json", archive.ProblemMissingListed},
	}
	original := sample(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			report := verify(t, together(t, test.change(apart(t, original))))
			has(t, report, test.path, test.code)
			for _, p := range report.Problems {
				if p.Message == "" {
					t.Errorf("%s has no message", p.Code)
				}
			}
		})
	}
}

func has(t testing.TB, report archive.Report, path string, code archive.ProblemCode) {
	t.Helper()
	if report.OK || !slices.ContainsFunc(report.Problems, func(p archive.Problem) bool {
		return p.Code == code && (path == "" || p.Path == path)
	}) {
		t.Errorf("no %s of %q in %+v", code, path, report.Problems)
	}
}

func drop(name string) func([]part) []part {
	return func(parts []part) []part {
		return slices.DeleteFunc(parts, func(p part) bool { return p.name == name })
	}
}

func add(name string) func([]part) []part {
	return func(parts []part) []part { return append(parts, part{name, []byte("[]\n")}) }
}

func exchange(a, b string) func([]part) []part {
	return func(parts []part) []part {
		for i := range parts {
			switch parts[i].name {
			case a:
				parts[i].name = b
			case b:
				parts[i].name = a
			}
		}
		return parts
	}
}

func listedTwice(parts []part) []part {
	return edit("manifest.json", func(b []byte) []byte {
		at := bytes.Index(b, []byte(`{"path":"data/contacts.json"`))
		end := bytes.IndexByte(b[at:], '\n')
		return slices.Concat(b[:at], b[at:at+end], []byte("\n"), b[at:])
	})(parts)
}

// attachmentOut takes an attachment out of archive and manifest alike.
func attachmentOut(parts []part) []part {
	const name = "attachments/0000002-photo.jpg"
	return drop(name)(edit("manifest.json", func(b []byte) []byte {
		at := bytes.Index(b, []byte(`{"path":"`+name))
		return slices.Concat(b[:at], b[at+bytes.IndexByte(b[at:], '\n')+1:])
	})(parts))
}

func TestTamperedBytes(t *testing.T) {
	data := sample(t)
	tests := map[string]struct {
		data []byte
		code archive.ProblemCode
	}{
		"empty":            {nil, archive.ProblemNotAnArchive},
		"another file":     {[]byte(strings.Repeat("hello ", 100)), archive.ProblemNotAnArchive},
		"half":             {data[:len(data)/2], archive.ProblemTruncated},
		"the last byte":    {data[:len(data)-1], archive.ProblemTruncated},
		"something behind": {append(slices.Clone(data), "more"...), archive.ProblemAppended},
		"a hole":           {slices.Concat(data[:100], data[101:]), archive.ProblemDirectory},
		"something before": {slices.Concat([]byte("MZ"), data), archive.ProblemDirectory},
		"another checksum": {otherComment(data), archive.ProblemChanged},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { has(t, verify(t, test.data), "", test.code) })
	}
}

func otherComment(data []byte) []byte {
	data = slices.Clone(data)
	last := &data[len(data)-1]
	if *last = '0'; data[len(data)-2] == '0' {
		data[len(data)-2] = '1'
	} else {
		data[len(data)-2] = '0'
	}
	return data
}

// No bit of an archive can be turned without notice: not in padding, not in a
// header that nobody reads.
func TestEveryBitCounts(t *testing.T) {
	data := sample(t)
	for i := range data {
		bit := byte(1) << (i % 8)
		data[i] ^= bit
		report, err := archive.Verify(context.Background(), bytes.NewReader(data), int64(len(data)), nil)
		if err == nil && report.OK {
			t.Errorf("bit %d of byte %d of %d", i%8, i, len(data))
		}
		data[i] ^= bit
	}
	sound(t, data)
}

func TestEveryTruncationIsFound(t *testing.T) {
	data := sample(t)
	for n := range data {
		if report := verify(t, data[:n]); report.OK {
			t.Errorf("%d of %d bytes pass", n, len(data))
		}
	}
}

// brokenDisk fails to read from a place on.
type brokenDisk struct {
	data []byte
	from int64
}

var errDisk = errors.New("the disk is broken")

func (b brokenDisk) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > b.from && at < int64(len(b.data)) && at+int64(len(p)) <= int64(len(b.data))-1000 {
		return 0, errDisk
	}
	return bytes.NewReader(b.data).ReadAt(p, at)
}

func TestBrokenMedium(t *testing.T) {
	data := sample(t)
	_, err := archive.Verify(context.Background(), brokenDisk{data, 100}, int64(len(data)), nil)
	if !errors.Is(err, errDisk) {
		t.Errorf("verify: %v", err)
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	data := sample(t)
	if _, err := archive.Verify(ctx, bytes.NewReader(data), int64(len(data)), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
