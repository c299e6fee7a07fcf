package records_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/records"
)

func all(t testing.TB, s *records.Store) map[string][]string {
	return export(t, s, datamap.Scope{Workspace: ws})
}

// generated makes the lines of a small workspace.
func generated(r *rapid.T) []string {
	var lines []string
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(r, label) }
	contacts, conversations := 1+pick("contacts", 3), 1+pick("conversations", 4)
	for i := range contacts {
		name := rapid.String().Filter(func(s string) bool { return !strings.ContainsRune(s, 0) }).Draw(r, "name")
		lines = append(lines, line("contacts", fmt.Sprintf(`{"id":"c%d","name":%s}`, i, quote(name))))
	}
	for i := range conversations {
		lines = append(lines, line("conversations", fmt.Sprintf(`{"id":"v%d","contact_id":"c%d"}`, i, pick("contact", contacts))))
	}
	for i := range pick("messages", 20) {
		direction := rapid.SampledFrom([]string{"inbound", "outbound", "ai", "note"}).Draw(r, "direction")
		lines = append(lines, line("messages", fmt.Sprintf(`{"id":"m%d","conversation_id":"v%d","direction":%q,"created_at":"2026-01-01T00:00:%02dZ"}`,
			i, pick("conversation", conversations), direction, pick("second", 60))))
	}
	for i := range pick("flows", 3) {
		lines = append(lines, line("flows", fmt.Sprintf(`{"id":"f%d","version":%d,"graph":{"n":%d}}`, i, pick("version", 3), i)))
	}
	return lines
}

func quote(s string) string {
	b, _ := json.Marshal(s) //nolint:errcheck // a text can be written
	return string(b)
}

// TestImportTwiceIsOnce imports a file, the same in another order, and its
// records one by one: each leaves the same.
func TestImportTwiceIsOnce(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		rapid.Check(t, func(r *rapid.T) {
			lines := generated(r)
			for _, c := range append(records.Collections(), &records.Collection{Name: "record_authors"}) {
				_, err := s.DB.Exec(t.Context(), "DELETE FROM "+c.Name)
				must(t, err)
			}
			_, err := run(t, s, strings.Join(lines, ""))
			must(t, err)
			once := all(t, s)
			shuffled := append([]string(nil), lines...)
			rand.Shuffle(len(lines), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			_, err = run(t, s, strings.Join(shuffled, ""))
			must(t, err)
			if diff := cmp.Diff(once, all(t, s)); diff != "" {
				r.Fatalf("twice: %s", diff)
			}
			for _, l := range lines {
				var one struct {
					Collection string
					Record     json.RawMessage
				}
				must(t, json.Unmarshal([]byte(l), &one))
				upsert(t, s, one.Collection, strings.Split(l, `"`)[7+2], string(one.Record))
			}
			if diff := cmp.Diff(once, all(t, s)); diff != "" {
				r.Fatalf("one by one: %s", diff)
			}
		})
	})
}

// TestStopped stops an import at each of its transactions. What it says it
// wrote is there, and running it again ends with the same as one run.
func TestStopped(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		want := all(t, s)
		lost := privacyd.Errorf(privacyd.ClassConflict, "lease_lost", "Another has taken over.")
		for stop := 1; ; stop++ {
			for name := range want {
				_, err := s.DB.Exec(t.Context(), "DELETE FROM "+name)
				must(t, err)
			}
			transactions := 0
			request := func(check func(context.Context) error) records.Request {
				return records.Request{Workspace: ws, Source: records.NDJSON("in.ndjson", strings.NewReader(everything), nil), Check: check}
			}
			result, err := s.Import(t.Context(), request(func(context.Context) error {
				if transactions++; transactions == stop {
					return lost
				}
				return nil
			}))
			if err == nil {
				break
			}
			refused(t, err, "lease_lost", "run the same import again")
			written := 0
			for name, n := range result.Records {
				if got := len(all(t, s)[name]); int64(got) < n {
					t.Fatalf("%s: %d of %d are there", name, got, n)
				}
				written += int(n)
			}
			if !strings.Contains(err.Error(), fmt.Sprintf("after %d of 22 records", written)) {
				t.Fatal(err)
			}
			_, err = s.Import(t.Context(), request(nil))
			must(t, err)
			if diff := cmp.Diff(want, all(t, s)); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// TestAtOnce imports and writes the same records from several sides at once.
func TestAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		var file strings.Builder
		for i := range 3000 {
			if i%10 == 0 {
				fmt.Fprint(&file, line("contacts", fmt.Sprintf(`{"id":"c%d"}`, i)), line("conversations", fmt.Sprintf(`{"id":"v%d","contact_id":"c%d"}`, i, i)))
			}
			fmt.Fprint(&file, line("messages", fmt.Sprintf(`{"id":"m%d","conversation_id":"v%d","direction":"outbound","author_id":"a%d@example.com","created_at":"2026-01-01T00:00:%02dZ"}`, (i*7919)%3000, i/10*10, i%5, i%60)))
		}
		_, err := run(t, s, file.String()[:strings.Index(file.String(), `{"collection": "messages"`)])
		must(t, err)
		var wg sync.WaitGroup
		errs := make(chan error, 10)
		for range 3 {
			wg.Go(func() {
				_, err := run(t, s, file.String())
				errs <- err
			})
		}
		for n := range 3 {
			wg.Go(func() {
				for i := range 30 {
					_, err := s.Upsert(t.Context(), ws, "messages", fmt.Sprintf("x%d-%d", n, i), []byte(`{"conversation_id":"v0","direction":"ai","created_at":"2027-01-01T00:00:00Z"}`))
					if err != nil {
						errs <- err
						return
					}
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			must(t, err)
		}
		if n := len(all(t, s)["messages"]); n != 3090 {
			t.Errorf("%d messages", n)
		}
		if got := get(t, s, "conversations", "v0"); !strings.Contains(got, `"last_message_at":"2027-01-01T00:00:00Z"`) {
			t.Error(got)
		}
	})
}

// TestParentGoes deletes what records link to after they were checked.
func TestParentGoes(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		importEverything(t, s)
		_, err := s.Import(t.Context(), records.Request{
			Workspace: ws, Source: records.NDJSON("in.ndjson", strings.NewReader(line("messages", `{"id":"m9","conversation_id":"v1"}`)), nil),
			Check: func(ctx context.Context) error {
				_, err := s.DB.Exec(ctx, "DELETE FROM conversations")
				return err
			},
		})
		refused(t, err, "reference_missing", "deleted while this was written")
		if n := len(all(t, s)["messages"]); n != 5 {
			t.Errorf("%d messages", n)
		}
	})
}

func TestCancelled(t *testing.T) {
	each(t, func(t *testing.T, s *records.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := s.Import(ctx, records.Request{
			Workspace: ws, Source: records.NDJSON("in.ndjson", strings.NewReader(small), nil),
			Check: func(context.Context) error { cancel(); return ctx.Err() },
		})
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if n := len(all(t, s)); n != 0 {
			t.Errorf("%d collections", n)
		}
	})
}
