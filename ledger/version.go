package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// versionPattern is epoch and size in a form whose order is that of letters.
var versionPattern = regexp.MustCompile(`^\d{10}-\d{20}$`)

var errNote = errors.New("that is not a checkpoint")

// versionOf reads the epoch and the size of a checkpoint (C2SP
// tlog-checkpoint). An origin ends with its epoch, /2 and later; the first has
// none. It does not look at signatures: whoever reads the note does.
func versionOf(note []byte) (string, error) {
	lines := strings.SplitN(string(body(note)), "\n", 3)
	if len(lines) < 3 || lines[2] == "" {
		return "", errNote
	}
	size, err := number(lines[1])
	if err != nil {
		return "", errNote
	}
	epoch, parts := uint64(1), strings.Split(lines[0], "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return "", errNote
	}
	if len(parts) == 3 {
		if epoch, err = number(parts[2]); err != nil || epoch < 2 || epoch > 9_999_999_999 {
			return "", errNote
		}
	}
	return fmt.Sprintf("%010d-%020d", epoch, size), nil
}

func number(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, errNote
	}
	return n, nil
}

// body is the part of a signed note before its signatures.
func body(note []byte) []byte {
	text, _, _ := bytes.Cut(note, []byte("\n\n"))
	return text
}
