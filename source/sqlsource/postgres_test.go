package sqlsource_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/source/sourcetest"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store/sqldb"
)

// pgValues are values as PostgreSQL's own words, and as JSON.
var pgValues = []struct{ sql, json string }{
	{"true", `true`},
	{"(-32768)::int2", `-32768`},
	{"2147483647", `2147483647`},
	{"3.4028235e38::float4", `3.4028235e+38`},
	{"1e6::float4", `1e+06`},
	{"'NaN'::float8", `"NaN"`},
	{"'-Infinity'::float4", `"-Infinity"`},
	{"'-0'::float8", `-0`},
	{"1.50::numeric(10,2)", `1.50`},
	{"-0.00012::numeric", `-0.00012`},
	{"10000::numeric", `10000`},
	{"123456789012345678901234567890.123456789012345678901234567890", `123456789012345678901234567890.123456789012345678901234567890`},
	{"1e40::numeric", "1" + strings.Repeat("0", 40)},
	{"'NaN'::numeric", `"NaN"`},
	{"'-Infinity'::numeric", `"-Infinity"`},
	{"'2024-02-29 12:34:56.789'::timestamp", `"2024-02-29T12:34:56.789"`},
	{"'2024-02-29 12:34:56+05:30'::timestamptz", `"2024-02-29T07:04:56Z"`},
	{"'0044-03-15 00:00:00+00 BC'::timestamptz", `"0044-03-15T00:00:00Z BC"`},
	{"'infinity'::timestamptz", `"infinity"`},
	{"'-infinity'::timestamp", `"-infinity"`},
	{"'infinity'::date", `"infinity"`},
	{"'4713-01-01 BC'::date", `"4713-01-01 BC"`},
	{"'12345-06-07'::date", `"12345-06-07"`},
	{"'24:00:00'::time", `"24:00:00"`},
	{"'01:02:03.004'::time", `"01:02:03.004"`},
	{"'01:02:03+02'::timetz", `"01:02:03+02"`},
	{"'1 year 2 mons -3 days 04:05:06.7'::interval", `"P1Y2M-3DT4H5M6.7S"`},
	{"'0'::interval", `"PT0S"`},
	{"'-00:00:00.5'::interval", `"PT-0.5S"`},
	{"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"`},
	{`'\xdeadbeef'::bytea`, `"3q2+7w=="`},
	{"'{ \"a\" :\n [1, \"x\\ny\"] }'::json", `{"a":[1,"x\ny"]}`},
	{`'{"b": 1, "a": null, "a": 1e400}'::json`, `{"b":1,"a":null,"a":1e400}`},
	{`'{"b": 1, "a": [true, {}]}'::jsonb`, `{"a":[true,{}],"b":1}`},
	{"'ab'::char(4)", `"ab  "`},
	{"'name'::name", `"name"`},
	{"'x'::\"char\"", `"x"`},
	{"'10.1.2.3'::inet", `"10.1.2.3"`},
	{"'10.1.2.0/24'::cidr", `"10.1.2.0/24"`},
	{"'2001:db8::1/64'::inet", `"2001:db8::1/64"`},
	{"'::1.2.3.4'::inet", `"::1.2.3.4"`},
	{"'08:00:2b:01:02:03'::macaddr", `"08:00:2b:01:02:03"`},
	{"'[1,5)'::int4range", `"[1,5)"`},
	{"tstzrange('2024-01-01', NULL)", `"[\"2024-01-01 00:00:00+00\",)"`},
	{"B'1010'", `"1010"`},
	{"'<a>b</a>'::xml", `"<a>b</a>"`},
	{"'(1,2)'::point", `"(1,2)"`},
	{"'sad'::mood", `"sad"`},
	{"7::positive", `7`},
	{"ROW(1, NULL)::pair", `"(1,)"`},
	{"ARRAY[1, NULL, 3]", `[1,null,3]`},
	{"ARRAY[[1, 2], [3, 4]]", `[[1,2],[3,4]]`},
	{"'[3:4]={7,8}'::int[]", `[7,8]`},
	{"'{}'::text[]", `[]`},
	{`ARRAY['a"b', E'c\nd', NULL, 'null']`, `["a\"b","c\nd",null,"null"]`},
	{"ARRAY['2024-01-01'::date]", `["2024-01-01"]`},
	{"ARRAY['10.0.0.1'::inet]", `["10.0.0.1"]`},
	{"ARRAY['sad', 'ok']::mood[]", `["sad","ok"]`},
	{"ARRAY['{\"a\": 1}']::jsonb[]", `[{"a":1}]`},
	{"ARRAY['[1,2)'::int4range]", `["[1,2)"]`},
	{"ARRAY[1, 2]::positive[]", `[1,2]`},
	{"'1 2'::int2vector", `[1,2]`},
	{"'{1,2}'::few", `[1,2]`},
}

func TestPostgresTypes(t *testing.T) {
	db := postgres(t)
	exec(t, db, "CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE DOMAIN small AS int4", "CREATE DOMAIN positive AS small CHECK (VALUE > 0)",
		"CREATE DOMAIN few AS int[]", "CREATE TYPE pair AS (a int, b text)")
	var columns []string
	for i, v := range pgValues {
		columns = append(columns, fmt.Sprintf("%s AS c%d", v.sql, i))
	}
	exec(t, db, "CREATE TABLE all_types AS SELECT 'k' AS id, "+strings.Join(columns, ", "), "INSERT INTO all_types (id) VALUES ('nulls')")
	reader := snapshot(t, db)
	for i, v := range pgValues {
		got := sourcetest.Records(t, reader, selection("all_types", fmt.Sprintf("c%d", i)))
		want := []string{fmt.Sprintf(`{"c%d":%s}`, i, v.json), fmt.Sprintf(`{"c%d":null}`, i)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", v.sql, diff)
		}
	}
}

func TestPostgresFormats(t *testing.T) {
	db := postgres(t)
	exec(t, db, `CREATE TABLE f AS SELECT 1.5::numeric AS seconds, 1700000000123456::numeric AS micros, 'NaN'::numeric AS nothing, '{"a": 1}'::jsonb AS doc,
		'[1, 2]'::varchar(9) AS list, true AS flag, 1::numeric AS one WHERE false`)
	exec(t, db, `INSERT INTO f VALUES (1.5, 1700000000123456, 'NaN', '{"a": 1}', '[1, 2]', true, 1)`)
	sel := selection("f", "seconds", "micros", "nothing", "doc", "list", "flag", "one")
	formats := []datamap.Format{
		datamap.FormatUnixSeconds, datamap.FormatUnixMicros, datamap.FormatUnixMillis, datamap.FormatJSON, datamap.FormatJSON,
		datamap.FormatBoolean, datamap.FormatBoolean,
	}
	for i, f := range formats {
		sel.Fields[i].Format = f
	}
	want := []string{`{"seconds":"1970-01-01T00:00:01.5Z","micros":"2023-11-14T22:13:20.123456Z","nothing":"NaN","doc":{"a":1},` +
		`"list":[1,2],"flag":true,"one":true}`}
	if diff := cmp.Diff(want, sourcetest.Records(t, snapshot(t, db), sel)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func selection(table string, columns ...string) datamap.Selection {
	c := &datamap.Collection{Name: table, Table: table, Key: []string{"id"}}
	for _, name := range columns {
		c.Fields = append(c.Fields, &datamap.Field{Column: name, Name: name})
	}
	return datamap.Selection{Collection: c, Table: table, Fields: c.Fields}
}

func snapshot(t testing.TB, db *sqldb.DB) *sqlsource.Snapshot {
	t.Helper()
	s, err := sqlsource.New(db.Reader(), db.Dialect).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
