package main

import (
	"context"
	"log"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
)

// serverLog is where a server of net/http says what goes wrong with
// connections. It names whom they are from; the log names nobody.
type serverLog struct{ log *slog.Logger }

func newServerLog(l *slog.Logger) *log.Logger { return log.New(serverLog{l}, "", 0) }

// Write implements io.Writer.
func (s serverLog) Write(line []byte) (int, error) {
	text, level := withoutAddresses(strings.TrimSpace(string(line))), slog.LevelInfo
	if strings.HasPrefix(text, "http: panic") {
		why, stack, _ := strings.Cut(text, "\n") // why may be any value
		text, level = withoutQuotes(why)+"\n"+stack, slog.LevelError
	}
	s.log.Log(context.Background(), level, "a connection went wrong", "error", text)
	return len(line), nil
}

// strayLog is where libraries say something that nobody asked them for, to the
// log of the whole process. They quote what they have read: an answer of a
// language model, say.
type strayLog struct{ log *slog.Logger }

// catchStray has what libraries say go into l, without what they quote.
func catchStray(l *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(strayLog{l})
}

// Write implements io.Writer.
func (s strayLog) Write(line []byte) (int, error) {
	text, _, _ := strings.Cut(string(line), "\n")
	s.log.Info("a library says", "text", withoutAddresses(withoutQuotes(text)))
	return len(line), nil
}

// withoutQuotes ends a text before what it quotes.
func withoutQuotes(text string) string {
	if n := strings.IndexAny(text, "\"'`{"); n >= 0 {
		return text[:n] + "…"
	}
	return text
}

var word = regexp.MustCompile(`\S+`)

// withoutAddresses takes network addresses out of a text.
func withoutAddresses(text string) string {
	return word.ReplaceAllStringFunc(text, func(w string) string {
		for end := range strings.SplitSeq(w, "->") {
			if isNetworkAddress(strings.Trim(end, `:,;.()"'`)) || isNetworkAddress(strings.Trim(end, `,;.()"'`)) {
				return "an address:"
			}
		}
		return w
	})
}

func isNetworkAddress(text string) bool {
	if _, err := netip.ParseAddrPort(text); err == nil {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return err == nil
}
