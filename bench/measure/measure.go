// Package measure runs other programs and says what they took: time, CPU time
// and the most memory they held. It must never run two at once: a measurement
// has the machine to itself. Open measure.go first, then program.go.
package measure

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Sample is what one run took.
type Sample struct {
	Took time.Duration // from start to end
	CPU  time.Duration // of all its threads, in user and system mode
	Peak int64         // bytes resident at most (VmHWM)
}

// lookEvery is how often a running program's memory is looked at. The kernel
// keeps the maximum, so only one reached just before the end can be missed.
const lookEvery = 10 * time.Millisecond

// Run runs a program to its end. Its standard error becomes part of the error.
func Run(ctx context.Context, c *exec.Cmd) (Sample, error) {
	var complaint bytes.Buffer
	if c.Stderr == nil {
		c.Stderr = &complaint
	}
	start := time.Now()
	if err := c.Start(); err != nil {
		return Sample{}, fmt.Errorf("run %s: %w", c.Path, err)
	}
	ended := make(chan struct{})
	peak := make(chan int64)
	go func() { peak <- watch(ctx, c.Process.Pid, ended) }()
	err := c.Wait()
	took := time.Since(start)
	close(ended)
	s := Sample{Took: took, CPU: c.ProcessState.UserTime() + c.ProcessState.SystemTime(), Peak: <-peak}
	if err != nil {
		return s, fmt.Errorf("run %s %s: %w\n%s", c.Path, verb(c.Args), err, strings.TrimSpace(complaint.String()))
	}
	return s, nil
}

func verb(args []string) string { return strings.Join(args[1:min(len(args), 3)], " ") }

func watch(ctx context.Context, pid int, ended <-chan struct{}) int64 {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	highest := int64(0)
	for {
		highest = max(highest, residentPeak(pid))
		select {
		case <-tick.C:
		case <-ended:
			return highest
		case <-ctx.Done():
			return highest
		}
	}
}

// residentPeak reads VmHWM, which getrusage would not do: the child's figure
// there begins with the parent's.
func residentPeak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	if !found {
		return 0
	}
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}

// ToNull runs a program whose output goes to /dev/null, as a shell's
// redirection does: no pipe, nobody reads.
func ToNull(ctx context.Context, c *exec.Cmd) (Sample, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return Sample{}, fmt.Errorf("open %s: %w", os.DevNull, err)
	}
	defer null.Close() //nolint:errcheck // nothing is kept
	c.Stdout = null
	return Run(ctx, c)
}

// Counted runs a program on what feed writes and gives the number of bytes
// that it answered.
func Counted(ctx context.Context, c *exec.Cmd, feed func(io.Writer) error) (int64, error) {
	in, err := c.StdinPipe()
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", c.Path, err)
	}
	var out counter
	c.Stdout = &out
	fed := make(chan error, 1)
	go func() {
		err := feed(in)
		if closing := in.Close(); err == nil {
			err = closing
		}
		fed <- err
	}()
	if _, err := Run(ctx, c); err != nil {
		return 0, err
	}
	return out.n, <-fed
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
