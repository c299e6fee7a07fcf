package sqlsource

import (
	"strings"
	"testing"
)

func TestWholeIdentifiers(t *testing.T) {
	const mail, phone, id = "jane.doe@example.com", "+31 20 5551234", "A1234567"
	cases := []struct {
		kind, value, text string
		want              bool
	}{
		{"email", mail, "jane.doe@example.com", true},
		{"email", mail, "Write to Jane.Doe@Example.COM.", true},
		{"email", mail, "<jane.doe@example.com>, 'jane.doe@example.com'", true},
		{"email", mail, "mailto:jane.doe@example.com?subject=x", true},
		{"email", mail, "mary-jane.doe@example.com", false},
		{"email", mail, "x.jane.doe@example.com", false},
		{"email", mail, "...jane.doe@example.com...", true},
		{"email", mail, "_jane.doe@example.com", false},
		{"email", mail, "1jane.doe@example.com", false},
		{"email", mail, "éjane.doe@example.com", false},
		{"email", mail, "jane.doe@example.com.au", false},
		{"email", mail, "jane.doe@example.community", false},
		{"email", mail, "jane.doe@example.com-old.net", false},
		{"email", mail, "jane.doe@example.com - hello", true},
		{"email", mail, "jane.doe@example.com.au and jane.doe@example.com", true},
		{"email", mail, `{"m":"jane.doe@example.com"}`, true},
		{"email", mail, `{"m":"a\njane.doe@example.com"}`, true},
		{"email", mail, `jane.doe\u0040example.com`, true},
		{"email", mail, "https://x.example/?m=jane.doe%40example.com&a", true},
		{"email", mail, "jane.doe", false},
		{"email", "Jane@Example.com", "JANE@EXAMPLE.COM", true},
		{"email", "müller@example.de", "Müller@example.de", true},
		{"email", "müller@example.de", `m\u00fcller@example.de`, true},
		{"email", "müller@example.de", "mXller@example.de", false},
		{"phone", phone, "call +31 20 5551234!", true},
		{"phone", phone, "+31 20 55512345", false},
		{"phone", phone, "++31 20 5551234", true},
		{"phone", "0205551234", "10205551234", false},
		{"phone", "0205551234", "+0205551234", false},
		{"phone", "0205551234", "1.0205551234", false},
		{"phone", "0205551234", "0205551234.5", false},
		{"phone", "0205551234", "0205551234.", true},
		{"handle", id, "order A1234567, paid", true},
		{"handle", id, "order a1234567", false},
		{"handle", id, "order_A1234567.json", true},
		{"handle", id, "BA1234567", false},
		{"handle", id, "A12345678", false},
		{"handle", id, "A1234567é", false},
		{"handle", "@jane_doe1", "ask @jane_doe1.", true},
		{"handle", "@jane_doe1", "x@jane_doe1", false},
		{"handle", `say "hi"`, `{"a":"say \"hi\""}`, true},
		{"handle", "aXaXaXaX", "aXaXaXaXaX aXaXaXaX", true},
	}
	for _, c := range cases {
		what := needles([]Identifier{{Kind: c.kind, Value: c.value}})
		if len(what) != 1 {
			t.Fatalf("%s %q is not looked for", c.kind, c.value)
		}
		if got := in(c.text, what); got != c.want {
			t.Errorf("%q in %q: %v", c.value, c.text, got)
		}
		if c.want && !what[0].coarse(lowerASCII(nil, []byte(c.text))) {
			t.Errorf("%q is passed over in %q", c.value, c.text)
		}
	}
}

func TestTelling(t *testing.T) {
	for text, want := range map[string]bool{
		"email a@b.c": true, "email jane": false, "email @b": false, "email a@": false, "phone 555123": false, "phone 5551234": true,
		"handle 1234567": false, "handle 12345678": true, "handle éééééééé": true, "handle ": false,
	} {
		kind, value, _ := strings.Cut(text, " ")
		if (Identifier{Kind: kind, Value: value}).Telling() != want {
			t.Errorf("%s: %v", text, !want)
		}
	}
}

// FuzzFind: what is found by a close look is never passed over by the quick
// one, nor by PostgreSQL's pattern; a whole identifier alone is always found.
func FuzzFind(f *testing.F) {
	f.Add("email", "jane@example.com", "x jane%40example.com y")
	f.Add("handle", `a"b\c/d--`, `{"x":"a\"b\\c\/d--"}`)
	f.Add("phone", "+31 20 555", "ü+31 20 555,1")
	f.Add("handle", "İİİİİİİİ", "i̇")
	f.Fuzz(func(t *testing.T, kind, value, text string) {
		what := needles([]Identifier{{Kind: kind, Value: value}})
		if len(what) == 0 {
			return
		}
		if in(text, what) && !what[0].coarse(lowerASCII(nil, []byte(text))) {
			t.Errorf("%q is passed over in %q", value, text)
		}
		if strings.Trim(what[0].pattern(), "abcdefghijklmnopqrstuvwxyz0123456789.-%") != "" {
			t.Errorf("the pattern %q", what[0].pattern())
		}
		if !strings.ContainsAny(value, `\%`) && !in(" "+value+" ", what) {
			t.Errorf("%q is not found by itself", value)
		}
	})
}
