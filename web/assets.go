package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"strings"
)

//go:embed assets/app.css assets/htmx.js assets/live.js assets/icon.svg
var assetFiles embed.FS

// assets serves the embedded files under names that change with their
// content, so that browsers may keep them for ever.
type assets struct {
	paths map[string]string // file name → path
	files map[string]asset  // hashed name → what is served
}

type asset struct {
	contentType string
	plain, zip  []byte
}

func newAssets() *assets {
	a := &assets{paths: map[string]string{}, files: map[string]asset{}}
	for name, contentType := range map[string]string{
		"app.css": "text/css; charset=utf-8", "htmx.js": "text/javascript; charset=utf-8",
		"live.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		text, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic("web: an embedded file is not there: " + name) // the build itself is broken
		}
		sum := sha256.Sum256(text)
		stem, extension, _ := strings.Cut(name, ".")
		hashed := stem + "." + hex.EncodeToString(sum[:6]) + "." + extension
		a.paths[name] = "/assets/" + hashed
		a.files[hashed] = asset{contentType: contentType, plain: text, zip: zipped(text)}
	}
	return a
}

// path is where a file is served.
func (a *assets) path(name string) string { return a.paths[name] }

// ServeHTTP serves the file that the path names.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", f.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	writeBody(w, r, http.StatusOK, f.plain, f.zip)
}

// writeBody sends whichever form the browser takes; zip is nil where there is
// none.
func writeBody(w http.ResponseWriter, r *http.Request, status int, plain, zip []byte) {
	w.Header().Add("Vary", "Accept-Encoding")
	body := plain
	if zip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		body = zip
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the asker has gone away
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(text)
	if err != nil || z.Close() != nil {
		return nil // a buffer takes everything; without it the plain text goes
	}
	return b.Bytes()
}
