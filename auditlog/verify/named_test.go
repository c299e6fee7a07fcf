package verify

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd/auditlog"
)

func naming(log string, size int64, root string) map[string]any {
	return map[string]any{auditlog.PublicLog: log, auditlog.PublicEpoch: int64(1), auditlog.PublicSize: size, auditlog.PublicRoot: root}
}

// TestNamedKeepsFew names more checkpoints of a log than are kept: some at equal
// distances are, and the newest, and none of another log.
func TestNamedKeepsFew(t *testing.T) {
	n, root := &named{log: "ours", every: 1}, strings.Repeat("0f", 32)
	const last = 3*mostNoted + 1
	for size := int64(1); size <= last; size++ {
		n.note(naming("ours", size, root))
	}
	for _, wrong := range []map[string]any{naming("theirs", 1, root), naming("ours", 0, root), naming("ours", last+1, root[2:]), {}} {
		n.note(wrong)
	}
	all := n.all()
	if len(all) > mostNoted+1 || len(all) < mostNoted/2 || all[len(all)-1].size != last {
		t.Fatalf("%d are kept, the last one of %d entries", len(all), all[len(all)-1].size)
	}
	for i, c := range all[:len(all)-1] {
		if want := int64(i+1) * n.every; c.size != want || c.log != "ours" {
			t.Fatalf("the one at %d is of %d entries of %s, want %d", i, c.size, c.log, want)
		}
	}
}
