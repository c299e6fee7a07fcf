package archive_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/privacyd/privacyd/archive"
)

const formatPage = "../docs/archive-format.md"

// documented gives the commands of the format's page.
func documented(t testing.TB) string {
	t.Helper()
	page, err := os.ReadFile(formatPage)
	must(t, err)
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		script.WriteString(block[1])
	}
	return script.String()
}

// follow runs a script where the archive is called export.zip, as readers do.
func follow(t testing.TB, data []byte, script string) (string, error) {
	t.Helper()
	folder := t.TempDir()
	must(t, os.WriteFile(filepath.Join(folder, "export.zip"), data, 0o600))
	command := exec.Command("bash", "-euo", "pipefail", "-c", script)
	command.Dir = folder
	out, err := command.CombinedOutput()
	return string(out), err
}

func TestDocumentedCommandsWork(t *testing.T) {
	data, _ := large(t)
	for name, data := range map[string][]byte{"small": sample(t), "large": data} {
		t.Run(name, func(t *testing.T) {
			out, err := follow(t, data, documented(t))
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if twice := regexp.MustCompile(`(?m)^([0-9a-f]{64})  -\n(.*)$`).FindStringSubmatch(out); twice == nil || twice[1] != twice[2] {
				t.Errorf("the digests over the archive differ:\n%s", out)
			}
		})
	}
}

// Damage that unzip itself does not see is found by the commands.
func TestDocumentedCommandsFindDamage(t *testing.T) {
	for name, change := range map[string]func([]part) []part{
		"a byte changed":  edit(data1, swap("zoe@", "joe@")),
		"a file put in":   add("data/more.json"),
		"a file left out": drop(data1),
		"a count changed": edit("manifest.json", swap(`"records": 2`, `"records": 3`)),
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := follow(t, together(t, change(apart(t, sample(t)))), documented(t)); err == nil {
				t.Errorf("nothing found:\n%s", out)
			}
		})
	}
}

func TestReadmeCommandWorks(t *testing.T) {
	page := contents(t, sample(t))["README.html"]
	snippet := regexp.MustCompile(`(?s)<pre>(python3.*?)</pre>`).FindStringSubmatch(page)[1]
	out, err := follow(t, sample(t), "unzip -q export.zip -d x && cd x\n"+snippet)
	if err != nil || strings.Count(out, "ok ") != 7 || strings.Contains(out, "DAMAGED") {
		t.Errorf("%v\n%s", err, out)
	}
	out, _ = follow(t, together(t, edit(data1, swap("zoe@", "joe@"))(apart(t, sample(t)))), "unzip -q export.zip -d x && cd x\n"+snippet)
	if !strings.Contains(out, "DAMAGED data/contacts.json") {
		t.Errorf("damage not found:\n%s", out)
	}
}

func TestEveryCodeIsDocumented(t *testing.T) {
	page, err := os.ReadFile(formatPage)
	must(t, err)
	source, err := os.ReadFile("verify.go")
	must(t, err)
	codes := regexp.MustCompile(`ProblemCode = "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(codes) < 15 {
		t.Fatalf("only %d codes found", len(codes))
	}
	for _, code := range codes {
		if !strings.Contains(string(page), "`"+code[1]+"`") {
			t.Errorf("%s is not in %s", code[1], formatPage)
		}
	}
	if !strings.Contains(string(page), archive.FormatVersion) {
		t.Error("the page is of another format")
	}
}
