package records_test

import (
	"bufio"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// BenchmarkImport imports conversations of twenty messages.
func BenchmarkImport(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *sqldb.DB{"sqlite": sqldbtest.SQLite, "postgres": sqldbtest.Postgres} {
		for _, order := range []string{"ordered", "random"} {
			b.Run(name+"/"+order, func(b *testing.B) {
				s := newStore(b, open(b))
				r := generate(b.N, order == "random")
				start := time.Now()
				var checked time.Duration
				b.ResetTimer()
				_, err := s.Import(b.Context(), records.Request{
					Workspace: ws, Source: records.NDJSON("bench.ndjson", r, nil),
					Progress: func(p records.Progress) {
						if p.Phase == records.Checking {
							checked = time.Since(start)
						}
					},
				})
				must(b, err)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
				b.ReportMetric(float64(b.N)/checked.Seconds(), "checked/s")
			})
		}
	}
}

func generate(messages int, random bool) io.Reader {
	r, w := io.Pipe()
	go func() {
		out := bufio.NewWriter(w)
		for i := range messages {
			if i%20 == 0 {
				fmt.Fprintf(out, `{"collection":"contacts","record":{"id":"c%07d","name":"Person %d","email":"p%d@example.com","custom_fields":{"plan":"pro"}}}`+"\n", i/20, i, i)
				fmt.Fprintf(out, `{"collection":"conversations","record":{"id":"v%07d","contact_id":"c%07d","status":"open"}}`+"\n", i/20, i/20)
			}
			id := fmt.Sprintf("m%09d", i)
			if random {
				id = fmt.Sprintf("%016x%016x", uint64(i+1)*0x9e3779b97f4a7c15, uint64(i+1)*0xc2b2ae3d27d4eb4f)
			}
			direction, author := "inbound", ""
			if i%2 == 1 {
				direction, author = "outbound", fmt.Sprintf(`"author_id":"agent%d@example.com",`, i%20)
			}
			fmt.Fprintf(out, `{"collection":"messages","record":{"id":%q,"conversation_id":"v%07d","direction":%q,%s"body":"I want to make a restaurant reservation for 2 people at half past 11 in the morning.","created_at":"2026-01-02T03:04:%02dZ"}}`+"\n",
				id, i/20, direction, author, i%20)
		}
		_ = out.Flush()
		_ = w.Close()
	}()
	return r
}
