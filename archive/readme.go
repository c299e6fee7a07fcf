package archive

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
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
	Others      []other // what there is beside data and attachments
}

// other is a file or, ending in a slash, a folder.
type other struct {
	Path  string
	Files int
}

// others sums up the files beside the format's own, in order.
func (w *Writer) others() []other {
	count := map[string]int{}
	for _, path := range w.paths {
		if folder, _, inside := strings.Cut(path, "/"); !inside {
			count[path]++
		} else if folder+"/" != dataFolder {
			count[folder+"/"]++
		}
	}
	var others []other
	for _, path := range slices.Sorted(maps.Keys(count)) {
		others = append(others, other{Path: path, Files: count[path]})
	}
	return others
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
		"when":   func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"reason": reason,
		"count":  grouped,
		"less":   func(all int64, shown []MissingFile) int64 { return all - int64(len(shown)) },
	}).Parse(readmeText)
	if err != nil {
		return fmt.Errorf("reading the template of the readme: %w", err)
	}
	if err := t.Execute(out, page); err != nil {
		return fmt.Errorf("writing the readme: %w", err)
	}
	return nil
}

// reason puts the codes that the product itself gives into words.
func reason(code string) string {
	switch code {
	case "blob_missing":
		return "the file is no longer in the storage"
	case "blob_damaged":
		return "the stored file is damaged"
	default:
		return code
	}
}

// grouped writes 1234567 as 1,234,567.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}
