package sqlsource

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// columnsQuery gives the columns of tables with the type below any domain, and the
// element type of an array, again below any domain. A type without its length
// is one to compare with: a cast to one with a length cuts values short.
const columnsQuery = `WITH RECURSIVE base AS (
  SELECT q.no, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod) AS declared, t.oid, t.typtype, t.typbasetype,
    a.attgenerated <> '' OR a.attidentity = 'a' AS computed
  FROM unnest(%s::text[]) WITH ORDINALITY AS q(name, no) JOIN pg_attribute a ON a.attrelid = to_regclass(q.name) JOIN pg_type t ON t.oid = a.atttypid
  WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.no, b.attnum, b.attname, b.declared, t.oid, t.typtype, t.typbasetype, b.computed
  FROM base b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd'
), elements AS (
  SELECT b.no, b.attname, b.declared, b.attnum, b.computed, t.typname, t.typtype, t.typcategory, t.typelem, t.oid
  FROM base b JOIN pg_type t ON t.oid = b.oid WHERE b.typtype <> 'd'
)
SELECT e.attname, e.declared, e.typname, e.typtype, e.typcategory, coalesce(i.typname, ''), coalesce(i.typtype, ''),
  format_type(e.oid, -1), e.computed, e.no,
  EXISTS (SELECT 1 FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree' WHERE o.opcintype = CASE WHEN e.typcategory = 'A' THEN e.typelem ELSE e.oid END AND o.opcdefault)
    OR e.typtype = 'e' OR e.typname IN ('varchar', 'cidr')
FROM elements e LEFT JOIN LATERAL (
  WITH RECURSIVE element AS (
    SELECT t.typname, t.typtype, t.typbasetype FROM pg_type t WHERE e.typcategory = 'A' AND t.oid = e.typelem
    UNION ALL
    SELECT t.typname, t.typtype, t.typbasetype FROM element d JOIN pg_type t ON t.oid = d.typbasetype WHERE d.typtype = 'd'
  ) SELECT typname, typtype FROM element WHERE typtype <> 'd'
) i ON true
ORDER BY e.no, e.attnum`

func (r *pgReader) columns(ctx context.Context, tables []string) (map[string]columns, error) {
	names, err := pgNames(tables)
	if err != nil {
		return nil, err
	}
	results, err := r.ask(ctx, fmt.Sprintf(columnsQuery, names))
	if err != nil {
		return nil, err
	}
	return pgColumns(results[0].Rows, tables)
}

// ask sends queries in one message and gives their answers, as text.
func (r *pgReader) ask(ctx context.Context, queries ...string) (results []*pgconn.Result, err error) {
	text := strings.Join(queries, "; ")
	if r.begin != "" {
		text, r.begin = r.begin+"; "+text, ""
	}
	err = r.raw(func(c *pgconn.PgConn) (err error) {
		if results, err = c.Exec(ctx, text).ReadAll(); err == nil {
			results = results[len(results)-len(queries):]
		}
		return err
	})
	return results, err
}

func pgColumns(rows [][][]byte, tables []string) (map[string]columns, error) {
	all := map[string]columns{}
	for _, row := range rows {
		no := number(row[9])
		if no < 1 || no > int64(len(tables)) {
			return nil, errMalformed
		}
		table := tables[no-1]
		if all[table] == nil {
			all[table] = columns{}
		}
		col := pgColumn(row)
		all[table][col.name] = col
	}
	return all, nil
}

// pgNames are names of tables as a literal of an array.
func pgNames(tables []string) (string, error) {
	var list []string
	for _, t := range tables {
		list = append(list, `"`+arrayEscapes.Replace(tableName(t))+`"`)
	}
	return pgLiteral("{" + strings.Join(list, ",") + "}")
}

func pgColumn(row [][]byte) column {
	typeName, typeKind, category := string(row[2]), string(row[3]), string(row[4])
	c := column{name: string(row[0]), declared: string(row[1]), base: string(row[7]), computed: string(row[8]) == "t"}
	c.class = pgClass(typeName, category)
	c.texts = pgTexts(typeName, category)
	c.equals = string(row[10]) == "t"
	if category == "A" {
		known := false
		c.kind = kindArray
		c.elem, known = pgKind(string(row[5]), string(row[6]))
		c.cast = !known
		return c
	}
	known := false
	c.kind, known = pgKind(typeName, typeKind)
	c.cast = !known
	return c
}

// pgTexts tells whether values of a type hold texts that people write.
func pgTexts(name, category string) bool {
	switch name {
	case "json", "jsonb", "xml", "hstore", "tsvector", "ltree":
		return true
	}
	return category == "S" || category == "C" || category == "A"
}

// pgKind tells whether the binary form of a type is known here.
func pgKind(name, typeKind string) (kind, bool) {
	if typeKind == "e" {
		return kindText, true // an enum is sent as its label
	}
	kinds := map[string]kind{
		"text": kindText, "varchar": kindText, "bpchar": kindText, "name": kindText, "citext": kindText,
		"bool": kindBool, "int2": kindInt2, "int4": kindInt4, "int8": kindInt8, "float4": kindFloat4, "float8": kindFloat8,
		"numeric": kindNumeric, "uuid": kindUUID, "timestamp": kindTimestamp, "timestamptz": kindTimestampTZ,
		"date": kindDate, "time": kindTime, "interval": kindInterval, "json": kindJSON, "jsonb": kindJSONB,
		"bytea": kindBytes, "inet": kindInet, "cidr": kindInet,
	}
	k, known := kinds[name]
	return k, known && typeKind == "b"
}

func pgClass(name, category string) class {
	switch name {
	case "int2", "int4", "int8":
		return classInteger
	case "uuid":
		return classUUID
	}
	switch category {
	case "S":
		return classText
	case "N":
		return classNumber
	}
	return class(name)
}
