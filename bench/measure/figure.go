package measure

import (
	"fmt"
	"os"
)

// Figure is a line of the table that a benchmark prints.
type Figure struct {
	What  string
	Bar   string // what must be reached; empty: for information
	Value string
	Pass  bool // whether Value reaches Bar
}

// String is the line, its columns separated by tabs.
func (f Figure) String() string {
	verdict := "MISS"
	switch {
	case f.Bar == "":
		verdict = "-"
	case f.Pass:
		verdict = "pass"
	}
	bar := f.Bar
	if bar == "" {
		bar = "-"
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s", f.What, bar, f.Value, verdict)
}

// AppendFigure adds a line to a file; an empty name is no file.
func AppendFigure(file string, f Figure) error {
	if file == "" {
		return nil
	}
	out, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep a figure: %w", err)
	}
	_, err = fmt.Fprintln(out, f)
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("keep a figure: %w", err)
	}
	return nil
}
