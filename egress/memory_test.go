package egress_test

import (
	"io"
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/privacyd/privacyd/egress"
)

// longPrompt is a call of so many bytes, of which nobody knows how many come.
func longPrompt(size int64) io.Reader {
	const before, after = `{"model":"m","input":"`, `"}`
	return io.MultiReader(strings.NewReader(before), io.LimitReader(letters{}, size-int64(len(before)+len(after))), strings.NewReader(after))
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// send sends a call without saying how long it is; 0: the door cut it off.
func (g *gate) send(body io.Reader) (status int) {
	r, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, g.server.URL+"/egress/openai/v1/responses", body)
	g.Must(err)
	r.Header.Set("Authorization", "Bearer "+g.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// peak gives the most bytes that objects have while fn runs, beyond what they
// had before. Garbage counts for as long as it is not collected.
func peak(fn func()) (most uint64) {
	read := func() uint64 {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	before, stop := read(), make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.GC()
				most = max(most, read())
			}
		}
	})
	fn()
	close(stop)
	looking.Wait()
	if most < before {
		return 0
	}
	return most - before
}

// TestGigabyte sends a prompt of 1 GB, whose length nobody knows before: it is
// refused, and costs no more memory than the largest that goes through.
func TestGigabyte(t *testing.T) {
	g := newGate(t)
	status := 0
	used := peak(func() { status = g.send(longPrompt(1 << 30)) })
	if status != http.StatusRequestEntityTooLarge && status != 0 || used > egress.MaxBody+8<<20 {
		t.Errorf("answer %d; %d MiB were used", status, used>>20)
	}
	g.wantNothingSent()
}

// TestManyLargeCalls sends calls of the largest size at once: the whole process
// has room for four of them at a time, and all arrive, since their memory is
// given back before they are answered.
func TestManyLargeCalls(t *testing.T) {
	g := newGate(t)
	g.upstream.throw = true
	const calls = 10
	var sending, arriving sync.WaitGroup
	arriving.Add(calls)
	g.upstream.serve = func(w http.ResponseWriter, _ *http.Request) {
		arriving.Done()
		arriving.Wait()
		w.WriteHeader(http.StatusOK)
	}
	statuses := make([]int, calls)
	used := peak(func() {
		for n := range calls {
			sending.Go(func() { statuses[n] = g.send(longPrompt(egress.MaxBody)) })
		}
		sending.Wait()
	})
	for n, status := range statuses {
		if status != http.StatusOK {
			t.Errorf("call %d: answer %d", n, status)
		}
	}
	if used > 180<<20 {
		t.Errorf("%d MiB were used", used>>20)
	}
}
