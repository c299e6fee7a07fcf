package privacyd_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The limits of a readable tree. Raising one is a change to be argued for.
const (
	maxFileLines  = 700
	maxFuncLines  = 100
	p90FuncLines  = 45
	maxMethods    = 8
	maxMedianFunc = 12
)

var forbiddenNames = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc"}

func TestShape(t *testing.T) {
	var lengths []int
	for _, name := range goFiles(t) {
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(f) {
			continue
		}
		if n := set.File(f.Pos()).LineCount(); n > maxFileLines {
			t.Errorf("%s has %d lines; the limit is %d", name, n, maxFileLines)
		}
		if slices.Contains(forbiddenNames, f.Name.Name) {
			t.Errorf("%s: a package named %q says nothing", name, f.Name.Name)
		}
		lengths = append(lengths, checkDeclarations(t, set, name, f)...)
	}
	slices.Sort(lengths)
	if m := lengths[len(lengths)/2]; m > maxMedianFunc {
		t.Errorf("the median function has %d lines; the limit is %d", m, maxMedianFunc)
	}
	if p := lengths[len(lengths)*9/10]; p > p90FuncLines {
		t.Errorf("one function in ten has more than %d lines; the limit is %d", p, p90FuncLines)
	}
}

func checkDeclarations(t *testing.T, set *token.FileSet, name string, f *ast.File) []int {
	t.Helper()
	var lengths []int
	test := strings.HasSuffix(name, "_test.go")
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			n := set.Position(d.End()).Line - set.Position(d.Pos()).Line + 1
			if n > maxFuncLines {
				t.Errorf("%s: %s has %d lines; the limit is %d", name, d.Name, n, maxFuncLines)
			}
			if d.Name.Name == "init" && d.Recv == nil {
				t.Errorf("%s: init() runs unseen; do it where it is asked for", name)
			}
			if !test && d.Doc == nil && exported(d) {
				t.Errorf("%s: %s is exported and says nothing", name, d.Name)
			}
			lengths = append(lengths, n)
		case *ast.GenDecl:
			checkTypes(t, name, d, test)
		}
	}
	return lengths
}

// exported tells whether a function, or a method of an exported type, is.
func exported(d *ast.FuncDecl) bool {
	if !d.Name.IsExported() {
		return false
	}
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if generic, ok := receiver.(*ast.IndexExpr); ok {
		receiver = generic.X
	}
	id, ok := receiver.(*ast.Ident)
	return ok && id.IsExported()
}

func checkTypes(t *testing.T, name string, d *ast.GenDecl, test bool) {
	t.Helper()
	for _, s := range d.Specs {
		spec, ok := s.(*ast.TypeSpec)
		if !ok {
			continue
		}
		if i, ok := spec.Type.(*ast.InterfaceType); ok && len(i.Methods.List) > maxMethods {
			t.Errorf("%s: interface %s has %d methods; the limit is %d", name, spec.Name, len(i.Methods.List), maxMethods)
		}
		if !test && spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
			t.Errorf("%s: type %s is exported and says nothing", name, spec.Name)
		}
	}
}

// TestPackageComments wants one comment a package, and that it says which file
// to open first or that it is small.
func TestPackageComments(t *testing.T) {
	said := map[string]bool{}
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(name)
		said[dir] = said[dir] || f.Doc != nil
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("package %s has no comment", dir)
		}
	}
}

// TestRootHolds keeps the first thing a visitor sees short.
func TestRootHolds(t *testing.T) {
	known := []string{
		".ci", ".git", ".gitignore", "archive", "auditlog", "bench", "bin", "cli", "client", "cmd", "datamap", "docs", "engine", "examples",
		"rest", "records", "scripts", "source", "store", "testdata", "vault", "ledger", "mail", "mcp", "egress", "web", "work", "privacyd-data", "node_modules",
		"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "go.mod", "go.sum", "openapi.json",
	}
	out, err := exec.Command("git", "ls-tree", "--name-only", "HEAD").Output()
	if err != nil {
		t.Fatalf("list what git tracks: %v", err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if !slices.Contains(known, name) && !strings.HasSuffix(name, ".go") {
			t.Errorf("%s does not belong at the root", name)
		}
	}
}

func goFiles(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "bin" || (strings.HasPrefix(d.Name(), ".") && name != ".")) {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".go") {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
