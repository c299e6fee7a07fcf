package sqlsource

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/store/sqldb"
)

// still looks once more, in the transaction in which rows are about to go, at
// the clocks of the rows that lead to them. PostgreSQL locks those: until the
// transaction has ended nobody changes them. Its error is a *datamap.NotDue.
func (e *Eraser) still(ctx context.Context, tx statements, check *datamap.ClockCheck) error {
	if check == nil || len(check.Keys) == 0 {
		return nil
	}
	not, found := &datamap.NotDue{}, map[string]bool{}
	k := clockReader{c: check.Collection, builder: e.builder(ctx), fn: func(row ClockRow) error {
		found[wholeKey(row.Key)] = true
		if !check.Due(row) {
			not.Changed = append(not.Changed, row.Key)
		}
		return nil
	}}
	query, err := k.query(among(check.Collection, check.Keys))
	if err != nil {
		return err
	}
	if e.source.dialect == sqldb.Postgres {
		if query += " FOR UPDATE OF r"; !check.Wait {
			query += " SKIP LOCKED"
		}
	}
	if err := readTexts(ctx, tx, query, len(check.Collection.Key)+3, k.row); err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(check.Keys), func(key []string) bool { return found[wholeKey(key)] })
	if not.Locked, err = e.there(ctx, tx, check, missing); err != nil {
		return err
	}
	if len(not.Changed)+len(not.Locked) > 0 {
		return theirs(not)
	}
	check.Keys = slices.DeleteFunc(slices.Clone(check.Keys), func(key []string) bool { return !found[wholeKey(key)] })
	return nil
}

// there are those of the rows that were passed over because somebody has locked
// them; the others are gone.
func (e *Eraser) there(ctx context.Context, tx statements, check *datamap.ClockCheck, missing [][]string) (locked [][]string, err error) {
	if len(missing) == 0 || check.Wait || e.source.dialect == sqldb.SQLite {
		return nil, nil
	}
	b := e.builder(ctx)
	what, err := b.keyText(check.Collection, "r")
	if err != nil {
		return nil, err
	}
	query, err := b.query(among(check.Collection, missing), what)
	if err != nil {
		return nil, err
	}
	err = readTexts(ctx, tx, query, len(what), func(v [][]byte) error {
		locked = append(locked, texts(v))
		return nil
	})
	return locked, err
}

func among(c *datamap.Collection, keys [][]string) datamap.Selection {
	return datamap.Selection{Collection: c, Table: c.Table, All: []datamap.Condition{
		{Any: []datamap.Path{{Keys: &datamap.KeySet{Columns: c.Key, Values: keys}}}},
	}}
}

// readTexts reads values as the readers of snapshots give them.
func readTexts(ctx context.Context, tx statements, query string, columns int, each func([][]byte) error) error {
	rows, err := tx.rows(ctx, query, columns)
	if err != nil {
		return err
	}
	values := make([][]byte, columns)
	for _, row := range rows {
		for i, v := range row {
			if values[i] = nil; v != nil {
				values[i] = []byte(textOf(v))
			}
		}
		if err := each(values); err != nil {
			return err
		}
	}
	return nil
}

func wholeKey(key []string) string { return strings.Join(key, "\x00") }

// textOf is a value as the readers of snapshots write it.
func textOf(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return string(appendFloat(nil, v, 64))
	}
	return plainValue(v)
}
