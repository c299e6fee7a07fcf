package main_test

import (
	"bufio"
	"io"
	"mime/quotedprintable"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/privacyd/privacyd/mail/mailtest"
)

// printed is what a server has said on standard output.
type printed struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *printed) collect(lines *bufio.Scanner) {
	for lines.Scan() {
		p.mu.Lock()
		p.text.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
	}
}

func (p *printed) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// seek sets a variable to the last thing that matches, as soon as there is one.
func seek(ts *testscript.TestScript, name, pattern string, where func() string) {
	find, err := regexp.Compile("(?m)" + pattern)
	ts.Check(err)
	const patience, pause = 30 * time.Second, 20 * time.Millisecond
	for range int(patience / pause) {
		if found := find.FindAllString(where(), -1); found != nil {
			ts.Setenv(name, found[len(found)-1])
			return
		}
		time.Sleep(pause)
	}
	ts.Fatalf("nothing matches %s in\n%s", pattern, where())
}

func said(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 || servers(ts)[args[1]] == nil {
		ts.Fatalf("usage: said VAR NAME PATTERN")
	}
	seek(ts, args[0], args[2], servers(ts)[args[1]].said.all)
}

type mailboxKey struct{}

func newMailbox(t *testing.T) scriptCommand {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: mailbox VAR")
		}
		s := mailtest.New(t, mailtest.Plain)
		*ts.Value(mailboxKey{}).(**mailtest.Server) = s
		ts.Setenv(args[0], "smtp://"+s.Addr)
	}
}

func mailed(ts *testscript.TestScript, neg bool, args []string) {
	s := *ts.Value(mailboxKey{}).(**mailtest.Server)
	if neg || len(args) != 2 || s == nil {
		ts.Fatalf("usage: mailed VAR PATTERN, after mailbox")
	}
	seek(ts, args[0], args[1], func() string {
		letters, bodies := s.Received()
		var all strings.Builder
		for i, body := range bodies {
			text, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body))) // the boundaries are not: they pass
			all.WriteString("Subject: " + letters[i].Header.Get("Subject") + "\n" + strings.ReplaceAll(string(text), "\r\n", "\n") + "\n")
		}
		return all.String()
	})
}
