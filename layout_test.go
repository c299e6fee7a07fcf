package privacyd_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/privacyd/privacyd"

// allowed says what each package may import of our own: dependencies point
// inwards, doors to engine to domain. A package that is not listed fails.
var allowed = map[string][]string{
	"":                        {},
	"datamap":                 {""},
	"archive":                 {""},
	"work":                    {""},
	"auditlog":                {},
	"auditlog/verify":         {"auditlog"},
	"vault":                   {"", "vault/bucket", "vault/durable", "vault/keyservice", "vault/keyservice/keyservicetest"},
	"vault/keyservice":        {"", "vault/keyservice/keyservicetest"},
	"vault/bucket":            {"", "vault/bucket/buckettest"},
	"vault/durable":           {"vault/bucket"},
	"ledger":                  {"", "vault/bucket", "vault/durable"},
	"engine":                  {"", "archive", "auditlog", "auditlog/verify", "datamap", "work"},
	"store/sqldb":             {"", "store/sqldb/pages"},
	"store/sqldb/pages":       {},
	"store":                   {"", "auditlog", "store/sqldb"},
	"work/local":              {"", "work", "store/sqldb"},
	"source/sqlsource":        {"", "datamap", "store/sqldb"},
	"source/blob":             {"", "vault", "vault/bucket"},
	"records":                 {"", "source/blob", "store/sqldb"},
	"client":                  {""},
	"mail":                    {""},
	"mail/mailtest":           {},
	"rest":                    {"", "datamap", "engine"},
	"web":                     {"", "engine"},
	"mcp":                     {"", "engine"},
	"egress":                  {"", "engine"},
	"cli":                     {"", "archive", "auditlog", "auditlog/verify", "client"},
	"examples":                {},
	"cmd/privacyd":            {"*"},
	"store/sqldb/sqldbtest":   {"*"},
	"store/storetest":         {"*"},
	"source/sourcetest":       {"*"},
	"work/worktest":           {"*"},
	"auditlog/auditlogtest":   {"*"},
	"vault/bucket/buckettest": {"*"},

	"vault/keyservice/keyservicetest": {},
	"engine/enginetest":               {"*"},
	"egress/tlstest":                  {},
}

// drivers may be imported by the packages that are named for them alone.
var drivers = map[string][]string{
	"github.com/jackc/pgx":         {"store/sqldb", "store/sqldb/sqldbtest", "source/sqlsource"},
	"github.com/ncruces/go-sqlite": {"store/sqldb", "store/sqldb/pages", "store/sqldb/sqldbtest", "source/sqlsource"},
	"github.com/wneessen/go-mail":  {"mail"},
	"github.com/emersion":          {"mail/mailtest"},
	"gocloud.dev":                  {"vault", "vault/bucket", "vault/keyservice", "ledger", "source/blob"},
	"testing":                      {"store/sqldb/sqldbtest", "source/sourcetest", "work/worktest", "auditlog/auditlogtest", "vault/bucket/buckettest", "vault/keyservice/keyservicetest", "engine/enginetest", "mail/mailtest", "egress/tlstest"},
}

func TestImports(t *testing.T) {
	for file, imports := range sources(t) {
		pkg := path.Dir(file)
		if pkg == "." {
			pkg = ""
		}
		if strings.HasPrefix(pkg, "bench") || strings.HasPrefix(pkg, "examples/") {
			continue
		}
		may, known := allowed[pkg]
		if !known {
			t.Errorf("%s: package %q is not in the layout; DESIGN and docs/architecture.md say where things go", file, pkg)
			continue
		}
		for _, imported := range imports {
			checkImport(t, file, pkg, imported, may)
		}
	}
}

func checkImport(t *testing.T, file, pkg, imported string, may []string) {
	t.Helper()
	if own, ok := strings.CutPrefix(imported, module); ok {
		own = strings.TrimPrefix(own, "/")
		if own == pkg || contains(may, own) || contains(may, "*") {
			return
		}
		t.Errorf("%s: %q must not import %q", file, pkg, own)
	}
	for prefix, owners := range drivers {
		if strings.HasPrefix(imported+"/", prefix+"/") || (prefix != "testing" && strings.HasPrefix(imported, prefix)) {
			if !contains(owners, pkg) && pkg != "cmd/privacyd" {
				t.Errorf("%s: only %v import %s", file, owners, prefix)
			}
		}
	}
	if pkg == "" && strings.Contains(imported, ".") {
		t.Errorf("%s: the root package imports the standard library only, not %s", file, imported)
	}
}

// TestEngineReachesNoDriver looks at all that engine imports, also through
// others.
func TestEngineReachesNoDriver(t *testing.T) {
	for _, pkg := range []string{"engine", "datamap", "archive", "auditlog", "work", "client"} {
		out, err := exec.Command("go", "list", "-deps", module+"/"+pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			for _, driver := range []string{"github.com/jackc/pgx", "github.com/ncruces", "gocloud.dev", "github.com/aws"} {
				if strings.HasPrefix(dep, driver) {
					t.Errorf("%s reaches %s", pkg, dep)
				}
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// sources gives the imports of every file that is part of the product.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "bin" || (strings.HasPrefix(d.Name(), ".") && name != ".")) {
			return fs.SkipDir
		}
		if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil && d.IsDir() && name != "." {
			return fs.SkipDir // a module of its own
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			all[filepath.ToSlash(name)] = append(all[filepath.ToSlash(name)], p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
