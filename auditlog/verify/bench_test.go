package verify_test

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

const benchEntries = 32_768

func benchBook(b *testing.B, disclosures bool) *book {
	book := newBook(b)
	for range benchEntries {
		r := auditlog.Record{Log: book.id, Action: "test.done", Outcome: "done", TargetType: "job", Public: map[string]any{"fact_number": 7, "door": "rest"}}
		if disclosures {
			r.Private = []auditlog.Claim{
				{Name: "actor", Value: "Ben Schneider", Owner: ben(1)},
				{Name: "actor_email", Value: "ben@example.com", Owner: ben(1)},
				{Name: "ip", Value: "192.0.2.7", Owner: ben(1)},
				{Name: "target_id", Value: "anna-7", Owner: ben(2)},
				{Name: "target_name", Value: "Anna Schmidt", Owner: ben(2)},
			}
		}
		_, err := book.Append(b.Context(), r)
		must(b, err)
	}
	book.sign()
	return book
}

// perEntry tells how many entries were verified in a second, and how much time
// of a processor each took, which other programs on the machine change less.
func perEntry(b *testing.B, before time.Duration) {
	n := float64(b.N) * benchEntries
	b.ReportMetric(n/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric((processorTime(b)-before).Seconds()*1e6/n, "cpu-µs/entry")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkVerify(b *testing.B) {
	for name, disclosures := range map[string]bool{"leaves": false, "disclosures": true} {
		book := benchBook(b, disclosures)
		export, dir := book.json(), book.tiles()
		b.Run("json/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(export)))
			before := processorTime(b)
			for b.Loop() {
				r, err := verify.JSON(b.Context(), bytes.NewReader(export), options())
				if err != nil || !r.OK() {
					b.Fatal(r, err)
				}
			}
			perEntry(b, before)
		})
		b.Run("tiles/"+name, func(b *testing.B) {
			before := processorTime(b)
			for b.Loop() {
				r, err := verify.Dir(b.Context(), dir, options())
				if err != nil || !r.OK() {
					b.Fatal(r, err)
				}
			}
			perEntry(b, before)
		})
	}
}
