package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/privacyd/privacyd/store/sqldb"
)

// stopwatch tells how much processor time some processes have taken.
type stopwatch []processes

func (w stopwatch) spent() (sum time.Duration, err error) {
	for _, p := range w {
		took, err := p.spent()
		if err != nil {
			return 0, err
		}
		sum += took
	}
	return sum, nil
}

// processes is a process, or a thread of one, by its folder in /proc and, if so
// said, its children too, also those that have ended. The zero value is none.
type processes struct {
	name     string
	children bool
}

// processor is everything that works on acts: this process and the database
// server, which must be on this machine.
func (s *site) processor(ctx context.Context) (stopwatch, error) {
	w := stopwatch{{name: "self"}}
	if s.db.Dialect != sqldb.Postgres {
		return w, nil
	}
	p, err := s.sequencingServer(ctx)
	if err != nil {
		return nil, err
	}
	connection, err := readStat(p.name)
	if err != nil {
		return nil, err
	}
	return append(w, processes{strconv.Itoa(connection.parent), true}), nil
}

// sequencingServer is the process of the server that serves the sequencer.
func (s *site) sequencingServer(ctx context.Context) (processes, error) {
	if s.db.Dialect != sqldb.Postgres {
		return processes{}, nil
	}
	var pid int
	if err := s.sequencing.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		return processes{}, fmt.Errorf("find the sequencer's connection: %w", err)
	}
	return processes{name: strconv.Itoa(pid)}, nil
}

func (p processes) spent() (time.Duration, error) {
	if p.name == "" {
		return 0, nil
	}
	own, err := readStat(p.name)
	if err != nil || !p.children {
		return own.took, err
	}
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, fmt.Errorf("list processes: %w", err)
	}
	sum := own.took + own.ended
	for _, name := range names {
		child, err := readStat(filepath.Base(name))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has just ended
		}
		if err != nil {
			return 0, err
		}
		if strconv.Itoa(child.parent) == p.name {
			sum += child.took
		}
	}
	return sum, nil
}

// stat is what /proc/NAME/stat says of a process.
type stat struct {
	parent int
	took   time.Duration
	ended  time.Duration // of children that have ended
}

const tick = time.Second / 100 // USER_HZ

func readStat(name string) (stat, error) {
	raw, err := os.ReadFile("/proc/" + name + "/stat")
	if err != nil {
		return stat{}, fmt.Errorf("read the processor time: %w", err)
	}
	_, rest, _ := strings.Cut(string(raw), ") ") // the name before it may hold anything
	fields := strings.Fields(rest)
	const parent, user, system, childUser, childSystem = 1, 11, 12, 13, 14
	var n [childSystem + 1]int
	for _, i := range []int{parent, user, system, childUser, childSystem} {
		if len(fields) <= i {
			return stat{}, fmt.Errorf("read the processor time: /proc/%s/stat has %d fields", name, len(fields))
		}
		if n[i], err = strconv.Atoi(fields[i]); err != nil {
			return stat{}, fmt.Errorf("read the processor time: %w", err)
		}
	}
	return stat{n[parent], time.Duration(n[user]+n[system]) * tick, time.Duration(n[childUser]+n[childSystem]) * tick}, nil
}
