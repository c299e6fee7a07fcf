package archive

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCleanName(t *testing.T) {
	tests := map[string]string{
		"photo.jpg":                       "photo.jpg",
		"":                                "file",
		"../../etc/passwd":                "passwd",
		`..\..\boot.ini`:                  "boot.ini",
		"/":                               "file",
		"..":                              "file",
		"folder/":                         "folder",
		"CON":                             "CON", // the number before it makes it harmless
		"a:b*c?.txt":                      "a_b_c_.txt",
		"name. . ":                        "name",
		"  name":                          "name",
		"tab\tnew\nline\x00nul":           "tab_new_line_nul",
		"photo_\u202egnp.exe":             "photo_gnp.exe",
		"a\u2066b\u2069\ufeff\u00adc.txt": "abc.txt",
		"u\u0308ber.txt":                  "u\u0308ber.txt",
		"no\u00a0break.txt":               "no break.txt",
		"👩\u200d💻.png":                    "👩\u200d💻.png",
		"bad\xff\xfeutf8":                 "bad_utf8",
		"-rf":                             "-rf",
		strings.Repeat("x", 300) + ".tar": strings.Repeat("x", 96) + ".tar",
		strings.Repeat("é", 300):          strings.Repeat("é", 50),
		"x." + strings.Repeat("y", 200):   "x." + strings.Repeat("y", 98),
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			if got := cleanName(name); got != want {
				t.Errorf("cleanName(%q) = %q, want %q", name, got, want)
			}
		})
	}
}

func TestAnyNameBecomesSafe(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("./\\:. \u202eCON\x00é"))),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(r, "name")
		p := attachmentPath(1, name)
		if !safePath(p) || !utf8.ValidString(p) || len(p) > 150 || strings.Count(p, "/") != 1 {
			t.Fatalf("%q gives %q", name, p)
		}
	})
}

func TestPaths(t *testing.T) {
	tests := []struct {
		path        string
		plain, safe bool
	}{
		{"data/contacts.json", true, true},
		{"audit/tile/0/x001/234.p/5", true, true},
		{"attachments/0000001-Zoë 🙂.png", false, true},
		{"", false, false},
		{"/etc/passwd", false, false},
		{"a//b", false, false},
		{"a/../b", false, false},
		{"..", false, false},
		{"a/", false, false},
		{`a\b`, false, false},
		{"c:x", false, false},
		{"data/NUL", false, false},
		{"data/com1.json", false, false},
		{"data/comet.json", true, true},
		{"a/b.", false, false},
		{"a/b ", false, false},
		{"a\u202eb", false, false},
		{"a\xff", false, false},
		{"-rf", false, true},
		{".hidden", false, true},
		{strings.Repeat("x", 600), false, false},
	}
	for _, test := range tests {
		if got := plainPath(test.path); got != test.plain {
			t.Errorf("plainPath(%q) = %v", test.path, got)
		}
		if got := safePath(test.path); got != test.safe {
			t.Errorf("safePath(%q) = %v", test.path, got)
		}
	}
}
