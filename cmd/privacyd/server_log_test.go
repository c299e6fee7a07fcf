package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestServerLogNamesNobody has net/http complain as it does.
func TestServerLogNamesNobody(t *testing.T) {
	for text, want := range map[string]string{
		"http: TLS handshake error from 192.0.2.7:60590: client sent an HTTP request": "http: TLS handshake error from an address: client sent an HTTP request",
		"http: TLS handshake error from [2001:db8::9]:60590: EOF":                     "http: TLS handshake error from an address: EOF",
		"http: TLS handshake error from [fe80::9%eth0]:1: EOF":                        "http: TLS handshake error from an address: EOF",
		"read tcp 10.0.0.1:443->192.0.2.7:5: connection reset by peer":                "read tcp an address: connection reset by peer",
		"http2: server: error reading preface from client [::1]:5: timeout":           "http2: server: error reading preface from client an address: timeout",
		"of 192.0.2.7, and of 2001:db8::9":                                            "of an address: and of an address:",
		"tls: client offered only unsupported versions: [302 301]":                    "tls: client offered only unsupported versions: [302 301]",
	} {
		if got := withoutAddresses(text); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
	var said bytes.Buffer
	newServerLog(slog.New(slog.NewJSONHandler(&said, nil))).Print("http: panic serving 192.0.2.7:5: oh \"Ada\"\n\tline two")
	if text := said.String(); strings.Contains(text, "192.0.2.7") || strings.Contains(text, "Ada") || !strings.Contains(text, "line two") || !strings.Contains(text, `"level":"ERROR"`) || strings.Count(text, "\n") != 1 {
		t.Errorf("said %q", text)
	}
}

// TestStrayLogQuotesNothing has libraries say what they have read.
func TestStrayLogQuotesNothing(t *testing.T) {
	for text, want := range map[string]string{
		`Unsolicited response received on idle HTTP channel starting with "Ada"; err=<nil>`: "Unsolicited response received on idle HTTP channel starting with …",
		"unexpected answer {Ada} from 192.0.2.7:5":                                          "unexpected answer …",
		"lost 192.0.2.7:5 'Ada'":                                                            "lost an address: …",
		"first\nAda":                                                                        "first",
	} {
		var said bytes.Buffer
		if _, err := (strayLog{slog.New(slog.NewTextHandler(&said, nil))}).Write([]byte(text)); err != nil || !strings.Contains(said.String(), want) || strings.Contains(said.String(), "Ada") {
			t.Errorf("%s is logged as %s", text, said.String())
		}
	}
}
