package sqlsource

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// catalogQuery gives the whole catalogue as one JSON document. Names of the
// schema that unqualified names mean are given without it. An index counts as
// far as its columns are plain, if it serves equality and covers all rows.
const catalogQuery = `WITH tables AS (
  SELECT c.oid, c.relname, c.relkind, c.relispartition, c.reltuples,
    CASE n.nspname WHEN current_schema() THEN '' ELSE n.nspname END AS schema,
    CASE n.nspname WHEN current_schema() THEN c.relname ELSE n.nspname || '.' || c.relname END AS full_name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    AND (n.nspname = current_schema() OR n.nspname <> $1)
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
), columns AS (
  SELECT a.attrelid, json_agg(json_build_object('Name', a.attname, 'Type', format_type(a.atttypid, a.atttypmod),
    'Nullable', NOT a.attnotnull) ORDER BY a.attnum) AS list
  FROM pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped GROUP BY a.attrelid
), index_columns AS (
  SELECT i.indrelid, i.indexrelid, i.indisprimary, array_agg(a.attname ORDER BY k.n) AS list
  FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid JOIN pg_am m ON m.oid = ic.relam
    CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indisvalid AND i.indpred IS NULL AND m.amname IN ('btree', 'hash') AND k.n <= i.indnkeyatts
    AND NOT EXISTS (SELECT 1 FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS e(attnum, n) WHERE e.attnum = 0 AND e.n < k.n)
  GROUP BY i.indrelid, i.indexrelid, i.indisprimary
), indexes AS (
  SELECT indrelid, json_agg(to_json(list) ORDER BY indexrelid) AS list, json_agg(to_json(list)) FILTER (WHERE indisprimary) -> 0 AS key
  FROM index_columns GROUP BY indrelid
), foreign_keys AS (
  SELECT f.conrelid, json_agg(json_build_object('Table', t.full_name,
    'OnDelete', CASE f.confdeltype WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' WHEN 'd' THEN 'set default' ELSE '' END,
    'Columns', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.conkey) WITH ORDINALITY AS k(attnum, n)
      JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
    'Targets', (SELECT json_agg(a.attname ORDER BY k.n) FROM unnest(f.confkey) WITH ORDINALITY AS k(attnum, n)
      JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum)) ORDER BY f.conname) AS list
  FROM pg_constraint f JOIN tables t ON t.oid = f.confrelid
  WHERE f.contype = 'f' AND NOT EXISTS (SELECT 1 FROM pg_constraint p WHERE p.oid = f.conparentid AND p.confrelid <> f.confrelid)
  GROUP BY f.conrelid
)
SELECT coalesce(json_agg(json_build_object('Schema', t.schema, 'Name', t.relname, 'View', t.relkind = 'v',
  'Partition', t.relispartition, 'Parent', coalesce(p.full_name, ''), 'Columns', coalesce(c.list, '[]'), 'Key', i.key,
  'Indexes', i.list, 'ForeignKeys', f.list, 'Rows', greatest(t.reltuples, 0)::bigint) ORDER BY t.full_name), '[]')
FROM tables t LEFT JOIN columns c ON c.attrelid = t.oid LEFT JOIN indexes i ON i.indrelid = t.oid
  LEFT JOIN foreign_keys f ON f.conrelid = t.oid
  LEFT JOIN pg_inherits h ON t.relispartition AND h.inhrelid = t.oid LEFT JOIN tables p ON p.oid = h.inhparent`

func (s *Source) postgresCatalog(ctx context.Context) (datamap.Catalog, error) {
	c := datamap.Catalog{Dialect: datamap.DialectPostgres}
	var document []byte
	if err := s.db.QueryRowContext(ctx, catalogQuery, sqldb.PostgresSchema).Scan(&document); err != nil {
		return c, err
	}
	if err := json.Unmarshal(document, &c.Tables); err != nil {
		return c, fmt.Errorf("read its answer: %w", err)
	}
	return c, nil
}
