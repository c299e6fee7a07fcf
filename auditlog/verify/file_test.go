package verify_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

func saved(t *testing.T, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(name, b, 0o600))
	return name
}

// zipped is an archive with other files around the log.
func zipped(t *testing.T, method uint16, member string, log []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	must(t, z.SetComment("PK\x05\x06 is not the end"))
	for _, f := range []struct {
		name    string
		content []byte
	}{{"README.html", []byte("hello")}, {member, log}, {"manifest.json", []byte("{}")}} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: method, Extra: []byte{9, 9, 2, 0, 1, 2}})
		must(t, err)
		_, err = w.Write(f.content)
		must(t, err)
	}
	must(t, z.Close())
	return out.Bytes()
}

func TestArchive(t *testing.T) {
	b := attacked(t)
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		archive := zipped(t, method, "audit/log.ndjson", b.json())
		r := checkPath(t, saved(t, archive), options())
		wantFindings(t, r)
		if r.Entries != 601 {
			t.Errorf("%+v", r)
		}
		o := options()
		o.Key = publicOf(2)
		if r := checkPath(t, saved(t, archive), o); !r.Has(verify.KeyWrong) {
			t.Errorf("%+v", r)
		}
		for _, cut := range []int{1, 21, 22, 100, len(archive) / 2, len(archive) - 5} {
			if r, err := verify.Path(t.Context(), saved(t, archive[:len(archive)-cut]), options()); err == nil && r.OK() {
				t.Errorf("without its last %d bytes it is called good", cut)
			}
		}
	}
	if _, err := verify.Path(t.Context(), saved(t, zipped(t, zip.Store, "audit/other", b.json())), options()); !errors.Is(err, verify.ErrUnknown) {
		t.Errorf("without a log: %v", err)
	}
}

func TestUnknownFiles(t *testing.T) {
	for _, text := range []string{"", "\n", "{}", "hello\n", "c2sp.org/tlog-proof@v2\n", strings.Repeat("x", 1<<20)} {
		if r, err := verify.Path(t.Context(), saved(t, []byte(text)), options()); !errors.Is(err, verify.ErrUnknown) {
			t.Errorf("%.20q: %+v, %v", text, r, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	b := attacked(t)
	for name, change := range map[string]func(h *auditlog.ExportHeader){
		"version":     func(h *auditlog.ExportHeader) { h.Version = 2 },
		"format":      func(h *auditlog.ExportHeader) { h.Format += "x" },
		"epoch twice": func(h *auditlog.ExportHeader) { h.Epochs = append(h.Epochs, h.Epochs[0]) },
		"epoch 0":     func(h *auditlog.ExportHeader) { h.Epochs[0].Epoch = 0 },
		"origin":      func(h *auditlog.ExportHeader) { h.Epochs[0].Origin += "x" },
		"log":         func(h *auditlog.ExportHeader) { h.Log = "" },
	} {
		p := opened(t, b.json())
		p.header(change)
		if r := checkJSON(t, p.bytes(), options()); r.OK() {
			t.Errorf("%s: it is called good", name)
		}
	}
	p := opened(t, b.json())
	p.header(func(h *auditlog.ExportHeader) { h.Epochs = nil })
	if r := checkJSON(t, p.bytes(), options()); !r.Has(verify.Malformed) {
		t.Errorf("without epochs: %q", findings(r))
	}
	p.lines = []string{p.lines[0], `{"end":0}`}
	wantFindings(t, checkJSON(t, p.bytes(), options())) // a log of which nothing is signed yet
	p.lines[0] = strings.TrimSuffix(p.lines[0], "}")
	wantFindings(t, checkJSON(t, p.bytes(), options()), "malformed")
}

// TestLines puts lines into an export that do not belong there.
func TestLines(t *testing.T) {
	export := attacked(t).json()
	for name, line := range map[string]string{
		"empty":          "",
		"no JSON":        "hello",
		"two values":     `{"end":601}{"end":601}`,
		"another field":  `{"epoch":1,"index":5,"leaf":{},"x":1}`,
		"nothing":        `{"epoch":1}`,
		"no epoch":       `{"index":5,"leaf":{}}`,
		"no base64":      `{"epoch":1,"from":0,"hashes":"!"}`,
		"half a hash":    `{"epoch":1,"from":0,"hashes":"AAAA"}`,
		"half a root":    `{"epoch":1,"from":0,"hashes":"` + strings.Repeat("A", 43) + `=","root":"AAAA"}`,
		"a block again":  `{"epoch":1,"from":0,"hashes":"` + strings.Repeat("A", 43) + `="}`,
		"no epoch of it": `{"epoch":2,"from":0,"hashes":"` + strings.Repeat("A", 43) + `="}`,
		"no proof":       `{"epoch":1,"index":5,"leaf":{},"proof":["x"]}`,
		"a long one":     strings.Repeat("x", auditlog.MaxLine+1),
		"an early end":   `{"end":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := opened(t, export)
			p.insert(p.entry(5), line)
			r := checkJSON(t, p.bytes(), options())
			if !r.Has(verify.Malformed) {
				t.Errorf("found %q", findings(r))
			}
		})
	}
}

// TestOtherSpelling verifies the same JSON in other letters.
func TestOtherSpelling(t *testing.T) {
	p := opened(t, attacked(t).json())
	for i, l := range p.lines[1:] {
		l = strings.Replace(l, `{"epoch":1,`, `{ "epoch": 1, `, 1)
		l = strings.Replace(l, `,"disclosures":["`, `, "disclosures": [ "`, 1)
		p.lines[i+1] = strings.Replace(l, `"hashes":"`, `"hashes": "`, 1)
	}
	wantFindings(t, checkJSON(t, p.bytes(), options()))
}

// TestFindingsBounded finds more than is kept.
func TestFindingsBounded(t *testing.T) {
	p := opened(t, attacked(t).json())
	for i := 0; i < 600; i += 2 {
		edit(p, i)
	}
	o := options()
	o.MaxFindings = 7
	r := checkJSON(t, p.bytes(), o)
	if len(r.Findings) != 7 || r.Total != 300 || r.Codes[verify.Changed] != 300 {
		t.Errorf("%d findings of %d", len(r.Findings), r.Total)
	}
}

type brokenReader struct{ r io.Reader }

var errDisk = errors.New("the disk is broken")

func (b brokenReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = errDisk
	}
	return n, err
}

func TestBrokenReader(t *testing.T) {
	export := attacked(t).json()
	for _, n := range []int{0, 10, 1000, len(export) / 2, len(export)} {
		if _, err := verify.JSON(t.Context(), brokenReader{bytes.NewReader(export[:n])}, options()); !errors.Is(err, errDisk) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// FuzzJSON tampers with an export as it likes. No input may be called good but
// one with the same entries.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"epoch":1,"index":0,"leaf":{},"disclosures":["AAAA"],"erased":["ip"],"proof":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}`))
	f.Add([]byte(`{"epoch":1,"from":0,"hashes":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`))
	f.Add([]byte(`{"epoch":1,"checkpoint":"x","consistency":["AAAA"]}`))
	f.Add([]byte("{\"end\":0}\n{\"end\":1}"))
	header := `{"format":"privacyd-audit-log","version":1,"log":"","key":"","exported_at":"2026-03-01T12:00:00Z","epochs":[{"epoch":1,"origin":"x","checkpoint":"x"}]}` + "\n"
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, text := range [][]byte{append([]byte(header), b...), b} {
			r, err := verify.JSON(t.Context(), bytes.NewReader(text), options())
			if err == nil && r.OK() && r.Entries > 0 {
				t.Errorf("%q is called good", text)
			}
		}
	})
}

// FuzzArchive reads ZIP files.
func FuzzArchive(f *testing.F) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	w, err := z.Create("audit/log.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	_, _ = w.Write([]byte("{}")) // it cannot fail
	if err := z.Close(); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := verify.Path(t.Context(), saved(t, append([]byte("PK\x03\x04"), b...)), options())
		if err == nil && r.OK() && r.Entries > 0 {
			t.Errorf("%q is called good", b)
		}
	})
}
