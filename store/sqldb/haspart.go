package sqldb

import (
	"bytes"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"
)

// HasPart is the condition that one of the texts has a part, in whatever case,
// which is a parameter in small letters (strings.ToLower). PostgreSQL makes the
// letters small that the database's locale knows, SQLite all of them.
func (d Dialect) HasPart(part, texts string) string {
	if d == Postgres {
		return `strpos(lower(concat_ws(E'\x01', ` + texts + ")), " + part + ") > 0"
	}
	return hasPart + "(" + part + ", " + texts + ")"
}

// hasPart is the function of SQLite's connections that HasPart calls. It takes
// half of the time of instr(lower(a || ' ' || b), part), of which each step
// copies the text, and knows more letters.
const hasPart = "has_part"

func addFunctions(c *sqlite3.Conn) error {
	var p parts
	return c.CreateFunction(hasPart, -1, sqlite3.DETERMINISTIC|sqlite3.INNOCUOUS, p.call)
}

// parts looks for parts of texts, one connection's.
type parts struct{ small []byte }

func (p *parts) call(ctx sqlite3.Context, args ...sqlite3.Value) {
	if len(args) == 0 {
		return // NULL
	}
	part := args[0].RawText()
	for _, text := range args[1:] {
		if p.in(text.RawText(), part) {
			ctx.ResultBool(true)
			return
		}
	}
	ctx.ResultBool(false)
}

func (p *parts) in(text, part []byte) bool {
	if len(text) == 0 {
		return false
	}
	if cap(p.small) < len(text) {
		p.small = make([]byte, 2*len(text))
	}
	small, bits := p.small[:len(text)], byte(0)
	for i, c := range text {
		bits |= c
		if c-'A' < 26 {
			c += 'a' - 'A'
		}
		small[i] = c
	}
	if bits >= utf8.RuneSelf {
		small = bytes.ToLower(text)
	}
	return bytes.Contains(small, part)
}
