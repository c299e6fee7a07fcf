// Package dialogues gives the benchmarks their text: the turns of real
// dialogues between a person and a service (the Schema-Guided Dialogue
// data set), and records made of them. It must never hold the data set's text in
// this repository: it reads it from where it is. Open dialogues.go first, then
// records.go.
package dialogues

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// EnvInputs names the variable with the folder that holds sgd/sgd-turns.jsonl.gz.
const EnvInputs = "PRIVACYD_INPUTS"

// ErrAbsent says that the data set is not there.
var ErrAbsent = errors.New("the dialogues are not there")

// Turn is one turn of a dialogue.
type Turn struct {
	Split    string   `json:"split"`
	Dialogue string   `json:"dialogue_id"`
	Services []string `json:"services"`
	Number   int      `json:"turn"`
	Speaker  string   `json:"speaker"` // USER or SYSTEM
	Text     string   `json:"text"`
}

// File is where the turns are: in the folder given, else in that of
// PRIVACYD_INPUTS, else in ../shared/inputs of the working folder.
func File(folder string) string {
	if folder == "" {
		folder = os.Getenv(EnvInputs)
	}
	if folder == "" {
		folder = filepath.Join("..", "shared", "inputs")
	}
	return filepath.Join(folder, "sgd", "sgd-turns.jsonl.gz")
}

// Read gives the dialogues of a file in its order, at most limit of them; 0 is
// all. The error is ErrAbsent when there is no such file.
func Read(file string, limit int) iter.Seq2[[]Turn, error] {
	return func(yield func([]Turn, error) bool) {
		if err := read(file, limit, func(d []Turn) bool { return yield(d, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

func read(file string, limit int, yield func([]Turn) bool) error {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: no file %s; name the folder that holds sgd/ with %s", ErrAbsent, file, EnvInputs)
	}
	if err != nil {
		return fmt.Errorf("open the dialogues: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	g := grouper{limit: limit, yield: yield}
	for lines.Scan() {
		var t Turn
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		if !g.add(t) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	g.end()
	return nil
}

// grouper gathers the turns of one dialogue, which follow each other.
type grouper struct {
	limit, given int
	turns        []Turn
	yield        func([]Turn) bool
}

func (g *grouper) add(t Turn) bool {
	if len(g.turns) > 0 && (t.Dialogue != g.turns[0].Dialogue || t.Split != g.turns[0].Split) && !g.end() {
		return false
	}
	g.turns = append(g.turns, t)
	return true
}

// end gives out what was gathered; false: no more is wanted.
func (g *grouper) end() bool {
	if len(g.turns) == 0 {
		return true
	}
	g.given++
	more := g.yield(g.turns) && (g.limit == 0 || g.given < g.limit)
	g.turns = nil
	return more
}

// MadeUp gives n dialogues for where the real ones are absent. They hold what
// real ones rarely do: quotes, line breaks, emoji, control characters.
func MadeUp(n int) iter.Seq2[[]Turn, error] {
	texts := []string{
		"A table for four at half past seven, please.", "Which city?", "München. Is the “Löwe” any good?\nOr the other one?",
		"It has a \"quiet\" room.", "Thanks 😀👩‍👩‍👧", "=HYPERLINK(\"http://x.example\")", "\u0001\u001f control \\ and \t tab", "",
	}
	return func(yield func([]Turn, error) bool) {
		for i := range n {
			turns := make([]Turn, 2+i%len(texts))
			for t := range turns {
				turns[t] = Turn{
					Split: "made-up", Dialogue: fmt.Sprintf("%05d", i), Services: []string{"Restaurants_1"}, Number: t,
					Speaker: []string{"USER", "SYSTEM"}[t%2], Text: texts[(i+t)%len(texts)],
				}
			}
			if !yield(turns, nil) {
				return
			}
		}
	}
}
