package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// memberName is where an export archive has the log.
const memberName = "audit/log.ndjson"

// file verifies a file in whichever form it is.
func file(ctx context.Context, f *os.File, size int64, o Options) (*Report, error) {
	var head [len(proofHeader)]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("verify an audit log: %w", err)
	}
	switch b := head[:n]; {
	case string(b) == proofHeader:
		return Proof(ctx, f, o)
	case bytes.HasPrefix(b, []byte("PK\x03\x04")):
		member, err := openMember(f, size, memberName)
		if err != nil {
			return nil, fmt.Errorf("verify an audit log: %w", err)
		}
		return JSON(ctx, member, o)
	}
	return JSON(ctx, f, o)
}
