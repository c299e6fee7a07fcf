package sqlsource

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/privacyd/privacyd/datamap"
)

// stream is COPY's binary form of rows.
func stream(rows ...[][]byte) []byte {
	b := append([]byte(copySignature), make([]byte, 8)...)
	for _, row := range rows {
		b = binary.BigEndian.AppendUint16(b, uint16(len(row)))
		for _, value := range row {
			if value == nil {
				b = binary.BigEndian.AppendUint32(b, 0xFFFFFFFF)
				continue
			}
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...)
		}
	}
	return append(b, 0xFF, 0xFF)
}

// parse feeds data in pieces and gives the values of all rows.
func parse(data []byte, columns, piece int) (rows [][]byte, err error) {
	s := copyStream{values: make([][]byte, columns)}
	s.row = func() error {
		for _, v := range s.values {
			rows = append(rows, bytes.Clone(v))
		}
		return nil
	}
	for len(data) > 0 {
		n := min(piece, len(data))
		if _, err := s.Write(data[:n]); err != nil && s.failed == nil {
			return rows, fmt.Errorf("write fails before the stream does: %w", err)
		}
		data = data[n:]
	}
	return rows, s.finish()
}

func TestCopyStreamInPieces(t *testing.T) {
	data := stream([][]byte{[]byte("one"), nil}, [][]byte{{}, bytes.Repeat([]byte("x"), 1000)})
	for _, piece := range []int{1, 2, 7, 500, len(data)} {
		rows, err := parse(data, 2, piece)
		if err != nil || len(rows) != 4 || string(rows[0]) != "one" || rows[1] != nil || len(rows[3]) != 1000 {
			t.Errorf("in pieces of %d: %q, %v", piece, rows, err)
		}
	}
	for name, bad := range map[string][]byte{
		"no header": data[5:], "cut short": data[:len(data)-3], "more behind": append(bytes.Clone(data), 0, 1), "empty": nil,
		"other columns": stream([][]byte{{1}}), "a length below -1": append(stream()[:19], 0, 2, 0xFF, 0xFF, 0xFF, 0xF0),
	} {
		if _, err := parse(bad, 2, 64); !errors.Is(err, errNotCopy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCopyStream(f *testing.F) {
	f.Add(stream([][]byte{[]byte("one"), nil}), 3)
	f.Add(stream(), 1)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		whole, wholeErr := parse(data, 2, len(data)+1)
		pieces, piecesErr := parse(data, 2, max(1, piece))
		if (wholeErr == nil) != (piecesErr == nil) || wholeErr == nil && len(whole) != len(pieces) {
			t.Fatalf("whole %d rows, %v; in pieces %d rows, %v", len(whole), wholeErr, len(pieces), piecesErr)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(uint8(kindNumeric), uint8(0), []byte{0, 2, 0, 1, 0, 0, 0, 2, 0, 1, 0, 5})
	f.Add(uint8(kindArray), uint8(kindInt4), []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7})
	f.Add(uint8(kindInet), uint8(0), []byte{2, 32, 0, 4, 10, 0, 0, 1})
	f.Add(uint8(kindTimestamp), uint8(0), []byte{0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(uint8(kindJSONB), uint8(0), []byte("\x01{\"a\": [1]}"))
	formats := []datamap.Format{"", datamap.FormatJSON, datamap.FormatUnixSeconds, datamap.FormatUnixMillis, datamap.FormatUnixMicros, datamap.FormatBoolean}
	var d decoder
	f.Fuzz(func(t *testing.T, k, elem uint8, value []byte) {
		format := formats[int(elem)%len(formats)]
		out, err := d.append(nil, value, kind(k)%(kindBlob+1), kind(elem)%(kindBlob+1), format)
		if err == nil && (!json.Valid(out) || bytes.ContainsAny(out, "\n\r")) {
			t.Fatalf("%d/%d %x: %q", k, elem, value, out)
		}
	})
}

func FuzzCompact(f *testing.F) {
	for _, text := range []string{
		`{}`, ` [ ] `, `{"a": [1, -0.5e+7, true, null, {"b": "x\"\\é\u00e9"}], "c": {}}`, `[[[[]]]]`, `{"a":1,}`, `[1 2]`, `01`, `-`, `"\x"`, "\"\x01\"", `{"a" 1}`,
		`[}`, `{"a":}`, `tru`, `1.`, `1e`, `"`, `{`, ``, `{}{}`, `[1],`, "[\"\xff\"]",
	} {
		f.Add([]byte(text))
	}
	var c compactor
	f.Fuzz(func(t *testing.T, src []byte) {
		got, ok := c.append([]byte("before"), src)
		valid := json.Valid(src) && utf8.Valid(src)
		if ok != valid {
			t.Fatalf("%q: ok %v, json.Valid %v", src, ok, valid)
		}
		want := bytes.NewBufferString("before")
		if valid {
			if err := json.Compact(want, src); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Fatalf("%q: %q, want %q", src, got, want)
		}
		if out := c.appendJSON(nil, src); !json.Valid(out) {
			t.Fatalf("%q: %q", src, out)
		}
	})
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "plain text of some length", "\x00\x1f\"\\", "é漢😀", "\xff\xfe", "1234567\n", "12345678\"", "\u2028", "ab\xed\xa0\x80"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		out := appendString(nil, s)
		if !utf8.Valid(s) {
			var flagged map[string]string
			if err := json.Unmarshal(out, &flagged); err != nil {
				t.Fatal(err)
			}
			if raw, err := base64.StdEncoding.DecodeString(flagged["$base64"]); err != nil || !bytes.Equal(raw, s) {
				t.Fatalf("%x: %s", s, out)
			}
			return
		}
		var back string
		if err := json.Unmarshal(out, &back); err != nil || back != string(s) || bytes.ContainsAny(out, "\n\r") {
			t.Fatalf("%q: %s: %v", s, out, err)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{"$", "$.a.b", "$['a b'][0]", "$.list[*].id", "$..", "$[", "$]", "$[*", "$.a\"b", `$["x"]`, "$[-1]"} {
		f.Add(p)
	}
	f.Fuzz(func(_ *testing.T, path string) {
		if steps, err := parsePath(path); err == nil {
			splitEach(steps)
		}
	})
}
