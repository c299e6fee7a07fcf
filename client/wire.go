package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

func encode(v any) (io.Reader, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return bytes.NewReader(raw), nil
}

func decode(res *http.Response, into any) error {
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		return fmt.Errorf("decode the server's answer: %w", err)
	}
	return nil
}

// pathOf is a link's path and query: links are followed on the connection that
// gave them.
func pathOf(link string) (string, error) {
	u, err := url.Parse(link)
	if err != nil {
		return "", fmt.Errorf("read a link: %w", err)
	}
	return u.RequestURI(), nil
}
