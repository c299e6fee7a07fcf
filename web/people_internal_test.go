package web

import (
	"strings"
	"testing"
)

func TestBrowserName(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15":                   "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36":                         "Chrome on Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36":                          "Chrome on ChromeOS",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 OPR/122.0.0.0":           "Opera on Windows",
		"Something (Windows)":       "A browser on Windows",
		"curl/8.14.1":               "curl",
		"<script>alert(1)</script>": "",
		"":                          "",
	} {
		if got := browserName(agent); got != want {
			t.Errorf("%q is %q, not %q", agent, got, want)
		}
	}
}

// FuzzBrowserName: nothing of what a browser sends gets through but our own
// words.
func FuzzBrowserName(f *testing.F) {
	f.Add("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	f.Add("Edg iPhone <b>")
	f.Fuzz(func(t *testing.T, agent string) {
		if name := browserName(agent); len(name) > 30 || strings.ContainsAny(name, "<>&\"'\r\n") {
			t.Errorf("%q is %q", agent, name)
		}
	})
}

func TestLocalPath(t *testing.T) {
	for path, want := range map[string]string{
		"/w/acme": "/w/acme", "": "/", "https://evil.example": "/", "//evil.example": "/", "/\\evil.example": "/", "/a\nb": "/", "javascript:x": "/",
		"/sign-in/invitation/pdi_x": "/sign-in/invitation/pdi_x",
	} {
		if got := localPath(path); got != want {
			t.Errorf("%q leads to %q, not %q", path, got, want)
		}
	}
}
