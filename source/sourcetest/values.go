package sourcetest

import (
	"fmt"
	"testing"

	"github.com/privacyd/privacyd/datamap"
)

// value is one value as SQL that both databases read, and as JSON.
type value struct {
	column string // its type
	format datamap.Format
	sql    string
	json   string
}

// common are the types and formats that both databases know.
func common() []value {
	const (
		plain   = datamap.FormatPlain
		json    = datamap.FormatJSON
		micros  = datamap.FormatUnixMicros
		millis  = datamap.FormatUnixMillis
		seconds = datamap.FormatUnixSeconds
		boolean = datamap.FormatBoolean
	)
	return []value{
		{"TEXT", plain, "NULL", `null`},
		{"TEXT", plain, "''", `""`},
		{"TEXT", plain, `'it''s "quoted" \ / <b>&'`, `"it's \"quoted\" \\ / <b>&"`},
		{"TEXT", plain, "'\t\n\r\b\f\x01\x1f\x7f'", "\"\\t\\n\\r\\b\\f\\u0001\\u001f\x7f\""},
		{"TEXT", plain, "'caf\u00e9 👩‍👩‍👧 \u2028 漢字'", "\"caf\u00e9 👩‍👩‍👧 \u2028 漢字\""},
		{"TEXT", plain, "'=HYPERLINK(\"x\")'", `"=HYPERLINK(\"x\")"`},
		{"BIGINT", plain, "9223372036854775807", `9223372036854775807`},
		{"BIGINT", plain, "-9223372036854775808", `-9223372036854775808`},
		{"SMALLINT", plain, "-1", `-1`},
		{"DOUBLE PRECISION", plain, "0.1", `0.1`},
		{"DOUBLE PRECISION", plain, "1.0", `1`},
		{"DOUBLE PRECISION", plain, "1e15", `1e+15`},
		{"DOUBLE PRECISION", plain, "123456789012345.0", `123456789012345`},
		{"DOUBLE PRECISION", plain, "-0.00001", `-1e-05`},
		{"DOUBLE PRECISION", plain, "1.7976931348623157e308", `1.7976931348623157e+308`},
		{"TEXT", json, `'{ "b" : [1, 2.50, "x\u00e9y\n"], "a" : { } }'`, `{"b":[1,2.50,"x\u00e9y\n"],"a":{}}`},
		{"TEXT", json, "'[\n  1,\r\n\t2 ]'", `[1,2]`},
		{"TEXT", json, `'null'`, `null`},
		{"TEXT", json, `'not json'`, `{"$text":"not json"}`},
		{"TEXT", json, `''`, `{"$text":""}`},
		{"BIGINT", micros, "0", `"1970-01-01T00:00:00Z"`},
		{"BIGINT", micros, "1700000000123400", `"2023-11-14T22:13:20.1234Z"`},
		{"BIGINT", micros, "-1", `"1969-12-31T23:59:59.999999Z"`},
		{"BIGINT", micros, "-62135596800000001", `"0001-12-31T23:59:59.999999Z BC"`},
		{"BIGINT", micros, "9223372036854775807", `"294247-01-10T04:00:54.775807Z"`},
		{"BIGINT", millis, "1700000000123", `"2023-11-14T22:13:20.123Z"`},
		{"BIGINT", seconds, "951782400", `"2000-02-29T00:00:00Z"`},
		{"BIGINT", seconds, "9223372036854775807", `9223372036854775807`},
		{"DOUBLE PRECISION", seconds, "951782400.25", `"2000-02-29T00:00:00.25Z"`},
		{"SMALLINT", boolean, "0", `false`},
		{"SMALLINT", boolean, "1", `true`},
		{"SMALLINT", boolean, "2", `2`},
		{"SMALLINT", boolean, "NULL", `null`},
	}
}

func values(t *testing.T, s Source) {
	cases := common()
	for dialect, blob := range map[string]string{datamap.DialectPostgres: `'\x00ff10'`, datamap.DialectSQLite: `x'00ff10'`} {
		if s.Dialect == dialect {
			cases = append(cases, value{"BYTEA", datamap.FormatPlain, blob, `"AP8Q"`})
		}
	}
	for i, c := range cases {
		s.exec(t, fmt.Sprintf("CREATE TABLE v%d (v %s)", i, c.column), fmt.Sprintf("INSERT INTO v%d VALUES (%s)", i, c.sql))
	}
	snapshot := s.open(t)
	for i, c := range cases {
		sel := whole(fmt.Sprintf("v%d", i), "v")
		sel.Fields[0].Format = c.format
		want(t, Records(t, snapshot, sel), []string{`{"v":` + c.json + `}`})
	}
}

func types(t *testing.T, s Source) {
	s.exec(t, "CREATE TABLE t (id TEXT PRIMARY KEY, n BIGINT, at BIGINT, doc TEXT, flag SMALLINT, real DOUBLE PRECISION, raw BYTEA)")
	sel := whole("t", "id", "n", "at", "doc", "flag", "real", "raw")
	sel.Fields[2].Format = datamap.FormatUnixMicros
	sel.Fields[3].Format = datamap.FormatJSON
	sel.Fields[4].Format = datamap.FormatBoolean
	got, err := s.open(t).Describe(t.Context(), sel)
	if err != nil {
		t.Fatal(err)
	}
	var encodings []datamap.Encoding
	for i, f := range got {
		encodings = append(encodings, f.Encoding)
		if f.Name != sel.Fields[i].Name || f.Type == "" {
			t.Errorf("%+v", f)
		}
	}
	want(t, encodings, []datamap.Encoding{
		datamap.EncodingString, datamap.EncodingNumber, datamap.EncodingDateTime, datamap.EncodingJSON,
		datamap.EncodingBoolean, datamap.EncodingNumber, datamap.EncodingBase64,
	})
}

func files(t *testing.T, s Source) {
	s.exec(t, "CREATE TABLE f (id BIGINT PRIMARY KEY, blob_key TEXT, title TEXT, avatar TEXT)",
		"INSERT INTO f VALUES (1, 'k/1', '../../etc/passwd', NULL), (2, NULL, 'x', ''), (3, 'k/\"3', NULL, 'a3')")
	sel := whole("f", "id", "title")
	sel.Collection.Files = []*datamap.FileColumn{
		{Column: "blob_key", Bucket: "uploads", NameColumn: "title"}, {Column: "avatar", Bucket: "avatars"}, {Column: "id", Bucket: "numbered"},
	}
	var got [][]datamap.File
	err := s.open(t).Read(t.Context(), sel, func(r datamap.Row) error {
		got = append(got, append([]datamap.File(nil), r.Files...))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, got, [][]datamap.File{
		{{Column: "blob_key", Bucket: "uploads", Key: "k/1", Name: "../../etc/passwd"}, {Column: "id", Bucket: "numbered", Key: "1"}},
		{{Column: "id", Bucket: "numbered", Key: "2"}},
		{{Column: "blob_key", Bucket: "uploads", Key: `k/"3`}, {Column: "avatar", Bucket: "avatars", Key: "a3"}, {Column: "id", Bucket: "numbered", Key: "3"}},
	})
}
