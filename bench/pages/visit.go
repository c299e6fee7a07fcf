package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/privacyd/privacyd/bench/measure"
)

// visitor is a browser of an admin, as far as it matters here: it keeps cookies
// and takes what is compressed.
type visitor struct {
	base    string
	http    *http.Client
	process *exec.Cmd
}

var (
	listening = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	linkPath  = regexp.MustCompile(`/sign-in/[A-Za-z0-9_-]+`)
)

// serve starts the server and signs an admin in.
func serve(ctx context.Context, p measure.Program) (*visitor, error) {
	out, _, err := p.Run(ctx, "account", "link", "--email", "admin@bench.example.org")
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--data", p.Data, "--listen", "127.0.0.1:0"}
	if p.Database != "" {
		args = append(args, "--database", p.Database)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	v := &visitor{process: exec.CommandContext(ctx, p.Binary, args...)}
	v.http = &http.Client{Jar: jar, Transport: &http.Transport{DisableCompression: true}}
	told, err := v.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaint bytes.Buffer
	v.process.Stderr = &complaint
	if err := v.process.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	lines := bufio.NewScanner(told)
	for v.base == "" && lines.Scan() {
		v.base = listening.FindString(lines.Text())
	}
	if v.base == "" {
		return nil, errors.Join(fmt.Errorf("the server does not listen: %s", complaint.String()), v.stop())
	}
	go func() { _, _ = io.Copy(io.Discard, told) }() // until it ends
	if _, err := v.post(ctx, linkPath.FindString(string(out)), nil); err != nil {
		return nil, errors.Join(fmt.Errorf("sign in: %w", err), v.stop())
	}
	return v, nil
}

func (v *visitor) stop() error {
	if err := v.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return v.process.Wait()
}

// look is what one request took.
type look struct {
	took  time.Duration // from sending it to the last byte
	cpu   time.Duration // of visit's middle: of the server's process, on average
	bytes int           // of the body as it came
	body  []byte
}

func (v *visitor) get(ctx context.Context, path string) (look, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+path, nil)
	if err != nil {
		return look{}, err
	}
	r.Header.Set("Accept-Encoding", "gzip")
	start := time.Now()
	answer, err := v.http.Do(r)
	if err != nil {
		return look{}, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(answer.Body)
	took := time.Since(start)
	if err == nil && answer.StatusCode != http.StatusOK || answer.Request.URL.RequestURI() != path {
		err = fmt.Errorf("%s answers %s at %s", path, answer.Status, answer.Request.URL.Path)
	}
	return look{took: took, bytes: len(body), body: body}, err
}

// post sends a form and follows where it leads.
func (v *visitor) post(ctx context.Context, path string, form url.Values) (at string, err error) {
	return v.send(ctx, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

func (v *visitor) send(ctx context.Context, path, contentType string, body io.Reader) (at string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base+path, body)
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", contentType)
	answer, err := v.http.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	if answer.StatusCode >= http.StatusBadRequest {
		told, _ := io.ReadAll(answer.Body)
		return "", fmt.Errorf("%s answers %s: %.300s", path, answer.Status, told)
	}
	return answer.Request.URL.Path, nil
}

// visit asks for a page again and again and gives the first and the middle look.
func (v *visitor) visit(ctx context.Context, path string, rounds int) (first, middle look, err error) {
	if first, err = v.get(ctx, path); err != nil {
		return first, middle, err
	}
	all, before := make([]look, rounds), v.cpu()
	for i := range all {
		if all[i], err = v.get(ctx, path); err != nil {
			return first, middle, err
		}
	}
	spent := (v.cpu() - before) / time.Duration(rounds)
	slices.SortFunc(all, func(a, b look) int { return int(a.took - b.took) })
	middle = all[len(all)/2]
	middle.cpu = spent
	return first, middle, nil
}

// cpu is the processor time of the server's process so far, to a hundredth of a
// second; 0 where /proc does not tell. On a busy machine it says more than the
// time that an answer took.
func (v *visitor) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", v.process.Process.Pid))
	_, after, ok := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if err != nil || !ok || len(fields) < 13 {
		return 0
	}
	var ticks int64
	for _, f := range fields[11:13] { // in user and in system mode
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
