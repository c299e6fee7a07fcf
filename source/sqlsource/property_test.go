package sqlsource_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/source/sourcetest"
)

// property is a type whose random values are read twice: decoded from the
// binary form, and as the database's own text, from which the JSON follows.
type property struct {
	typ    string
	random func(r *rand.Rand) string // a literal
	text   string                    // SQL over v; default: v::text
	json   func(text string) string
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func number(text string) string {
	if strings.ContainsAny(text, "Nn") { // NaN, Infinity
		return quoted(text)
	}
	return text
}

func moment(text string) string {
	text, bc := strings.CutSuffix(text, " BC")
	text = strings.Replace(text, " ", "T", 1)
	if body, ok := strings.CutSuffix(text, "+00"); ok {
		text = body + "Z"
	}
	if bc {
		text += " BC"
	}
	return quoted(text)
}

func properties() []property {
	digits := func(r *rand.Rand, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = '0' + byte(r.IntN(10)*r.IntN(2)) // many zeros
		}
		return string(b)
	}
	micros := func(r *rand.Rand) string {
		// within PostgreSQL's timestamps, often near its epoch
		n := r.Int64N(290_000*365*86_400_000_000)>>r.IntN(60) - r.Int64N(4_700*365*86_400_000_000)>>r.IntN(60)
		return fmt.Sprintf("'2000-01-01'::timestamp + make_interval(secs => %d) + interval '%d microseconds'", n/1_000_000, n%1_000_000)
	}
	return []property{
		{"float8", func(r *rand.Rand) string { return "'" + float(math.Float64frombits(r.Uint64()), 64) + "'" }, "", number},
		{"float8", func(r *rand.Rand) string {
			return "'" + float(float64(r.Int64N(1<<60)>>r.IntN(60))/math.Pow10(r.IntN(12)), 64) + "'"
		}, "", number},
		{"float4", func(r *rand.Rand) string { return "'" + float(float64(math.Float32frombits(r.Uint32())), 32) + "'" }, "", number},
		{"numeric", func(r *rand.Rand) string {
			return []string{"", "-"}[r.IntN(2)] + "1" + digits(r, r.IntN(30)) + "." + digits(r, r.IntN(30))
		}, "", number},
		{"numeric", func(r *rand.Rand) string { return "0." + digits(r, r.IntN(60)) }, "", number},
		{"int8", func(r *rand.Rand) string { return "'" + strconv.FormatInt(int64(r.Uint64())>>r.IntN(63), 10) + "'" }, "", number},
		{"timestamp", micros, "", moment},
		{"timestamptz", func(r *rand.Rand) string { return "(" + micros(r) + ") AT TIME ZONE 'UTC'" }, "", moment},
		{"date", func(r *rand.Rand) string {
			return fmt.Sprintf("'2000-01-01'::date + %d", r.IntN(2_000_000)>>r.IntN(20)-r.IntN(2_000_000))
		}, "", quoted},
		{"time", func(r *rand.Rand) string {
			return fmt.Sprintf("'00:00'::time + interval '%d microseconds'", r.Int64N(86_400_000_000)>>r.IntN(36))
		}, "", quoted},
		{"interval", func(r *rand.Rand) string {
			return fmt.Sprintf("'%d months %d days %d microseconds'", r.IntN(1000)-500, (r.IntN(2000)-1000)>>r.IntN(11), r.Int64N(1<<50)>>r.IntN(50)-r.Int64N(1<<40))
		}, "", quoted},
		{"inet", func(r *rand.Rand) string { return "'" + address(r) + "'" }, "format('%s', v)", quoted},
		{"text", func(r *rand.Rand) string { return "'" + strings.ReplaceAll(words(r), "'", "''") + "'" }, "", marshalled},
		{"bytea", func(r *rand.Rand) string { return `'\x` + hex.EncodeToString([]byte(words(r))) + "'" }, "", base64OfHex},
		{"jsonb", func(r *rand.Rand) string { return "'" + strings.ReplaceAll(document(r, 4), "'", "''") + "'" }, "", compacted},
		{"json", func(r *rand.Rand) string { return "'" + strings.ReplaceAll(document(r, 4), "'", "''") + "'" }, "", compacted},
		{"int4[]", func(r *rand.Rand) string {
			return fmt.Sprintf("ARRAY[[%d, NULL], [%d, %d]]", r.Int32(), r.IntN(9), -r.IntN(9))
		}, "to_json(v)::text", compacted},
		{"text[]", func(r *rand.Rand) string {
			return "ARRAY['" + strings.ReplaceAll(words(r), "'", "''") + "', NULL, '']"
		}, "to_json(v)::text", compacted},
	}
}

func float(f float64, bits int) string { return strconv.FormatFloat(f, 'g', -1, bits) }

func address(r *rand.Rand) string {
	b := make([]byte, []int{4, 16}[r.IntN(2)])
	for i := range b {
		b[i] = byte(r.IntN(256) * r.IntN(2) * r.IntN(2))
	}
	a, _ := netip.AddrFromSlice(b)
	return fmt.Sprintf("%s/%d", a, r.IntN(a.BitLen()+1))
}

func words(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(40) {
		if r.IntN(3) > 0 {
			b.WriteByte(byte(1 + r.IntN(127)))
			continue
		}
		b.WriteRune([]rune("é漢😀\u2028\u00a0\U0010FFFF")[r.IntN(6)])
	}
	return b.String()
}

func document(r *rand.Rand, depth int) string {
	switch n := r.IntN(6); {
	case n == 0 && depth > 0:
		return "{ " + quoted("k"+words(r)) + " :\n" + document(r, depth-1) + ", \"b\": " + document(r, depth-1) + "}"
	case n == 1 && depth > 0:
		return "[" + document(r, depth-1) + " ,\t" + document(r, depth-1) + "]"
	case n == 2:
		return quoted(words(r))
	case n == 3:
		return float(float64(r.IntN(1<<30))/1024, 64)
	}
	return []string{"null", "true", "false", "{}", "[ ]"}[r.IntN(5)]
}

func marshalled(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		panic(err)
	}
	// JSON need not escape these two, which encoding/json does.
	return strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSpace(b.String()))
}

func base64OfHex(text string) string {
	raw, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
	if err != nil {
		panic(err)
	}
	return quoted(base64.StdEncoding.EncodeToString(raw))
}

func compacted(text string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		panic(err)
	}
	return b.String()
}

func TestDecodingAgreesWithTheDatabasesText(t *testing.T) {
	db := postgres(t)
	const values = 2000
	for i, p := range properties() {
		r := rand.New(rand.NewPCG(uint64(i), 7)) //nolint:gosec // repeatable, not secret
		var literals []string
		for range values {
			literals = append(literals, "("+p.random(r)+")")
		}
		table := fmt.Sprintf("p%d", i)
		exec(t, db, "CREATE TABLE "+table+" (v "+p.typ+")", "INSERT INTO "+table+" VALUES "+strings.Join(literals, ", "))
		if p.text == "" {
			p.text = "v::text"
		}
		exec(t, db, "CREATE VIEW "+table+"_text AS SELECT v, "+p.text+" AS t FROM "+table)
		t.Run(p.typ, func(t *testing.T) {
			compare(t, sourcetest.Records(t, snapshot(t, db), selection(table+"_text", "v", "t")), p)
		})
	}
}

// compare reads the text back from JSON, whose strings other tests prove.
func compare(t *testing.T, rows []string, p property) {
	if len(rows) == 0 {
		t.Fatal("no rows")
	}
	for _, row := range rows {
		var both struct {
			V json.RawMessage `json:"v"`
			T string          `json:"t"`
		}
		if err := json.Unmarshal([]byte(row), &both); err != nil {
			t.Fatal(err)
		}
		if want := p.json(both.T); string(both.V) != want && !sameFloat(p.typ, string(both.V), want) {
			t.Fatalf("%s: %s decoded, %s by its text", both.T, both.V, want)
		}
	}
}

// sameFloat allows for the one difference known: where the shortest decimal
// lies just between two floats, PostgreSQL writes a digit more.
func sameFloat(typ, got, want string) bool {
	bits, ok := map[string]int{"float4": 32, "float8": 64}[typ]
	a, err := strconv.ParseFloat(got, bits)
	b, other := strconv.ParseFloat(want, bits)
	return ok && err == nil && other == nil && a == b && len(got) < len(want)
}
