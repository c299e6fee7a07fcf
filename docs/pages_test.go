package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func root(path string) string { return filepath.Join("..", filepath.FromSlash(path)) }

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(root(page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pages are all that a reader may open, by their paths from the root.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/*.md"} {
		found, err := filepath.Glob(root(pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			all = append(all, strings.TrimPrefix(filepath.ToSlash(f), "../"))
		}
	}
	return all
}

var (
	fence    = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")
	link     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	codeSpan = regexp.MustCompile("`([^`\n]+)`")
	indented = regexp.MustCompile(`(?m)^    .+$`)
	dropped  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// blocks are the fenced blocks of a language.
func blocks(page, language string) []string {
	var all []string
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		if m[1] == language {
			all = append(all, m[2])
		}
	}
	return all
}

// links are those that stay in the repository.
func links(page string) []string {
	var all []string
	for _, m := range link.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		if !strings.Contains(m[1], "://") && !strings.HasPrefix(m[1], "mailto:") {
			all = append(all, m[1])
		}
	}
	return all
}

// anchors are the names that GitHub gives the headings of a page.
func anchors(page string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}

// mention is a command line of ours somewhere in a page.
type mention struct {
	text  string
	words []string // what precedes the first flag or argument
	flags []string
}

var (
	invocation = regexp.MustCompile(`(?:^|[\s(])(?:bin/)?privacyd +([a-z].*)`)
	following  = regexp.MustCompile(`\)| (?:\||\|\||&&|>) |; `) // what ends a command line
	word       = regexp.MustCompile(`^[a-z]+(?:-[a-z]+)*$`)
	flag       = regexp.MustCompile(`--[a-z][a-z-]*`)
)

// mentions finds the command lines in the code of a page.
func mentions(page string) []mention {
	var code []string
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		code = append(code, strings.Split(strings.ReplaceAll(m[2], "\\\n", " "), "\n")...)
	}
	prose := fence.ReplaceAllString(page, "")
	code = append(code, indented.FindAllString(prose, -1)...)
	for _, m := range codeSpan.FindAllStringSubmatch(prose, -1) {
		code = append(code, m[1])
	}
	var all []mention
	for _, line := range code {
		for _, part := range following.Split(line, -1) {
			if m := invocation.FindStringSubmatch(part); m != nil {
				all = append(all, newMention(m[1]))
			}
		}
	}
	return all
}

func newMention(text string) mention {
	m := mention{text: text, flags: flag.FindAllString(text, -1)}
	for _, w := range strings.Fields(text) {
		if !word.MatchString(w) {
			break
		}
		m.words = append(m.words, w)
	}
	return m
}

// resolve finds the command that is meant and its flags: nil for none. The name
// of a group alone ("privacyd job") is fine.
func (m mention) resolve(known map[string][]string) (string, []string) {
	for n := min(len(m.words), 2); n > 0; n-- {
		name := strings.Join(m.words[:n], " ")
		if flags, ok := known[name]; ok {
			return name, flags
		}
	}
	for name := range known {
		if strings.HasPrefix(name, m.text+" ") {
			return m.text, []string{}
		}
	}
	return "", nil
}

func TestMentions(t *testing.T) {
	page := "Run `privacyd job list --workspace W` or:\n\n```sh\nx=$(privacyd token create --scope a \\\n  --label b)\n" +
		"echo a | privacyd import --json|--csv f && privacyd serve\nls privacyd-data\n```\n\n    privacyd audit     list [--json|--csv]\n"
	want := []string{"token create --scope --label", "import --json --csv", "serve", "job list --workspace", "audit list --json --csv"}
	var got []string
	for _, m := range mentions(page) {
		got = append(got, strings.Join(append(slices.Clone(m.words), m.flags...), " "))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestAnchors(t *testing.T) {
	got := anchors("# The check, and `its` findings\n## 3. The audit log's leaves\n```sh\n# no heading\n```\n")
	want := []string{"the-check-and-its-findings", "3-the-audit-logs-leaves"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
