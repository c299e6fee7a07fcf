package records

import (
	"context"
	"testing"

	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestDeadlock makes two transactions wait for each other: one of them is
// ended by PostgreSQL, and done again.
func TestDeadlock(t *testing.T) {
	s := &Store{DB: sqldbtest.Postgres(t)}
	if err := Migrate(t.Context(), s.DB); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB.Exec(t.Context(), "INSERT INTO contacts (workspace_id, id) VALUES ('w', '1'), ('w', '2')"); err != nil {
		t.Fatal(err)
	}
	tries := make(chan struct{}, 10)
	both := make(chan struct{}, 2) // each has its first row
	go1, go2 := make(chan struct{}), make(chan struct{})
	update := func(first, second string, start chan struct{}, done chan error) {
		again := false
		done <- s.inTx(t.Context(), func(ctx context.Context) error {
			tries <- struct{}{}
			if _, err := s.DB.Exec(ctx, "UPDATE contacts SET name = 'x' WHERE id = $1", first); err != nil {
				return err
			}
			if !again {
				again = true
				both <- struct{}{}
				<-start
			}
			_, err := s.DB.Exec(ctx, "UPDATE contacts SET name = 'x' WHERE id = $1", second)
			return err
		})
	}
	done := make(chan error, 2)
	go update("1", "2", go1, done)
	go update("2", "1", go2, done)
	<-both
	<-both
	close(go1)
	close(go2)
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if len(tries) < 3 { // more when the loser loses again
		t.Errorf("%d tries", len(tries))
	}
}
