package main_test

import (
	"archive/zip"
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func unpack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: unpack ARCHIVE FOLDER")
	}
	z, err := zip.OpenReader(ts.MkAbs(args[0]))
	ts.Check(err)
	defer z.Close() //nolint:errcheck // it was only read
	for _, f := range z.File {
		ts.Check(unpackFile(f, filepath.Join(ts.MkAbs(args[1]), filepath.FromSlash(f.Name))))
	}
}

func unpackFile(f *zip.File, to string) error {
	if !filepath.IsLocal(f.Name) {
		return fmt.Errorf("%s leads out of the archive", f.Name)
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	path := ts.MkAbs(args[0])
	text, err := os.ReadFile(path)
	ts.Check(err)
	if offset < 0 {
		offset += len(text)
	}
	text[offset] ^= 1
	ts.Check(os.WriteFile(path, text, 0o600))
}

func glob(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] glob VAR PATTERN")
	}
	found, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	switch {
	case neg && len(found) > 0:
		ts.Fatalf("%s matches %v", args[1], found)
	case !neg && len(found) != 1:
		ts.Fatalf("%s matches %d files: %v", args[1], len(found), found)
	case !neg:
		ts.Setenv(args[0], found[0])
	}
}

func field(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field VAR PATH")
	}
	var value any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &value); err != nil {
		ts.Fatalf("not one JSON value on standard output: %v", err)
	}
	for _, name := range strings.Split(args[1], ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			n, err := strconv.Atoi(name)
			ts.Check(err)
			value = v[n]
		default:
			value = nil
		}
	}
	if value == nil {
		ts.Fatalf("there is no %s", args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

func makeRecords(ts *testscript.TestScript, neg bool, args []string) {
	n := writeLines(ts, neg, args, "records FILE N")
	ts.Check(writeFile(ts.MkAbs(args[0]), func(w io.Writer) {
		fmt.Fprintln(w, `{"collection":"contacts","record":{"id":"c1","name":"Ada","email":"ada@contacts.example"}}`)
		fmt.Fprintln(w, `{"collection":"conversations","record":{"id":"v1","contact_id":"c1","status":"open"}}`)
		for i := range n {
			fmt.Fprintf(w, `{"collection":"messages","record":{"id":"m%07d","conversation_id":"v1","direction":"inbound","body":"Message %d"}}`+"\n", i, i)
		}
	}))
}

func makeFiles(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: files FILE N BYTES")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	size, err := strconv.Atoi(args[2])
	ts.Check(err)
	content := make([]byte, size)
	ts.Check(writeFile(ts.MkAbs(args[0]), func(w io.Writer) {
		fmt.Fprintln(w, `{"collection":"contacts","record":{"id":"c1"}}`)
		for i := range n {
			_, _ = rand.Read(content) // it never fails
			fmt.Fprintf(w, `{"collection":"attachments","record":{"id":"f%d","record_type":"contact","record_id":"c1","filename":"%d.bin","content_base64":%q}}`+"\n",
				i, i, base64.StdEncoding.EncodeToString(content))
		}
	}))
}

func makeText(ts *testscript.TestScript, neg bool, args []string) {
	n := writeLines(ts, neg, args, "text FILE BYTES")
	ts.Check(writeFile(ts.MkAbs(args[0]), func(w io.Writer) {
		fmt.Fprintln(w, `{"collection":"contacts","record":{"id":"c1"}}`)
		fmt.Fprintln(w, `{"collection":"conversations","record":{"id":"v1","contact_id":"c1","status":"open"}}`)
		fmt.Fprintf(w, `{"collection":"messages","record":{"id":"m1","conversation_id":"v1","direction":"inbound","body":%q}}`+"\n",
			strings.Repeat("0123456789", n/10))
	}))
}

func writeLines(ts *testscript.TestScript, neg bool, args []string, usage string) int {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: %s", usage)
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	return n
}

func writeFile(path string, write func(io.Writer)) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	write(w)
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func makeBytes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: bytes FILE QUOTED")
	}
	text, err := strconv.Unquote(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
