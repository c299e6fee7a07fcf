package archive

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed readme.html
var readmeText string

// readmePage is what README.html is made of.
type readmePage struct {
	Info
	Collections []*CollectionInfo
	Records     int64
	Files       int64
	Missing     []MissingFile
	MissingAll  int64
	CSV         bool
	Others      []string // files beside data and attachments
}

// readme writes README.html: one page without scripts, pictures or links to
// anywhere but the archive.
func (w *Writer) readme(out io.Writer, info Info) error {
	page := readmePage{
		Info: info, Collections: w.collections, Files: w.complete,
		Missing: w.shown, MissingAll: w.missing.count, CSV: info.Format == "csv", Others: w.others(),
	}
	for _, c := range w.collections {
		page.Records += c.Records
	}
	t, err := template.New(readmePath).Funcs(template.FuncMap{
		"when": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") },
		"less": func(all int64, shown []MissingFile) int64 { return all - int64(len(shown)) },
	}).Parse(readmeText)
	if err != nil {
		return fmt.Errorf("reading the template of the readme: %w", err)
	}
	if err := t.Execute(out, page); err != nil {
		return fmt.Errorf("writing the readme: %w", err)
	}
	return nil
}
