package sqlsource

import (
	"context"
	"encoding/json"

	"github.com/privacyd/privacyd/datamap"
)

// plan is a selection made ready to read: its query, and what becomes of each
// column of the result.
type plan struct {
	query   string
	outputs []output // the first columns, in order
	files   []filePlan
	columns []column // of the result
}

// output is a column that is written into the row's JSON.
type output struct {
	name   string
	prefix []byte // what stands before the value: {"name": or ,"name":
	column column
	format datamap.Format
}

// filePlan is where in the result a file's key and name are; -1: nowhere.
type filePlan struct {
	column    string // of the map
	bucket    string
	key, name int
}

func (s *Snapshot) plan(ctx context.Context, sel datamap.Selection) (plan, error) {
	b := s.builder(ctx)
	all, err := s.columns(ctx, sel.Collection.Table)
	if err != nil {
		return plan{}, err
	}
	what := selected{table: sel.Collection.Table, all: all}
	var p plan
	for i, f := range sel.Fields {
		_, c := what.add(f.Column)
		p.outputs = append(p.outputs, output{name: fieldName(f), prefix: prefix(i, fieldName(f)), column: c, format: f.Format})
	}
	for _, f := range sel.Collection.Files {
		p.files = append(p.files, filePlan{column: f.Column, bucket: f.Bucket, key: what.index(f.Column), name: what.index(f.NameColumn)})
	}
	if what.err != nil {
		return plan{}, what.err
	}
	p.columns = what.columns
	p.query, err = b.query(sel, what.expressions)
	return p, err
}

func fieldName(f *datamap.Field) string {
	if f.Name == "" {
		return f.Column
	}
	return f.Name
}

func prefix(i int, name string) []byte {
	mark := byte(',')
	if i == 0 {
		mark = '{'
	}
	return append(appendString([]byte{mark}, []byte(name)), ':')
}

// selected gathers the columns to read.
type selected struct {
	table       string
	all         columns
	columns     []column
	expressions []string
	err         error
}

func (s *selected) add(name string) (int, column) {
	c, err := s.all.find(s.table, name)
	if err != nil {
		s.err = err
		return 0, c
	}
	s.columns = append(s.columns, c)
	s.expressions = append(s.expressions, c.expression("r"))
	return len(s.columns) - 1, c
}

// index finds or adds a column.
func (s *selected) index(name string) int {
	if name == "" {
		return -1
	}
	for i, c := range s.columns {
		if c.name == name {
			return i
		}
	}
	i, _ := s.add(name)
	return i
}

// expression reads a column, as text where its binary form is not known here.
func (c column) expression(alias string) string {
	switch expr := named(alias, c.name); {
	case !c.cast:
		return expr
	case c.kind == kindArray:
		return expr + "::text[]"
	default:
		return expr + "::text"
	}
}

// start begins the JSON of a value.
func (o *output) start(dst []byte) []byte { return append(dst, o.prefix...) }

// end closes the object of a row.
func (p *plan) end(dst []byte) []byte {
	if len(p.outputs) == 0 {
		dst = append(dst, '{')
	}
	return append(dst, '}')
}

// filesOf lists the blobs that a row names. A row whose key is NULL or empty
// names none.
func (p *plan) filesOf(into []datamap.File, text func(i int) string) []datamap.File {
	for _, f := range p.files {
		key := text(f.key)
		if key == "" {
			continue
		}
		file := datamap.File{Column: f.column, Bucket: f.bucket, Key: key}
		if f.name >= 0 {
			file.Name = text(f.name)
		}
		into = append(into, file)
	}
	return into
}

// plainText is the text of a value given as JSON.
func plainText(value []byte) string {
	var text string
	if len(value) > 0 && value[0] == '"' && json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
