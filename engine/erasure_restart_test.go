package engine_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestServerRestarts has the PostgreSQL server of privacyd and of the product
// crash and come back in the midst of erasures: they end as if it had not.
func TestServerRestarts(t *testing.T) {
	server := sqldbtest.NewServer(t)
	db, err := sqldb.OpenPostgres(t.Context(), server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Writer().ExecContext(t.Context(), "CREATE DATABASE app"); err != nil {
		t.Fatal(err)
	}
	b := enginetest.NewProductAt(t, db, strings.Replace(server.DSN(), "/postgres?", "/app?", 1))
	b.BatchRows, b.Tick, b.Engine.Grace = 2, time.Millisecond, time.Minute
	every := os.Getenv(everyFault) != ""
	for k, kind := range erasables() {
		if !every && kind.name != "customer of a product" && kind.name != "retention" {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			defer b.In(t)()
			want, _ := untouched(t, b, kind, 400+k)
			restarts := []int{9}
			if every {
				restarts = []int{2, 5, 9, 14, 20, 27}
			}
			w := newOrg(t, b, fmt.Sprint("restarts-", k))
			prepareRetention(t, b, w)
			job := kind.ask(t, b, w)
			b.Pass(time.Second)
			crashes := 0
			for _, at := range restarts {
				err := troubled(b, job, at, func(*enginetest.Bench) func() {
					server.Crash(t)
					crashes++
					return func() {}
				})
				if err != nil && privacyd.ClassOf(err) != privacyd.ClassUnavailable {
					t.Errorf("at %d it does not say that trying again helps: %v", at, err)
				}
				reconnect(b)
			}
			if crashes == 0 {
				t.Error("the server never crashed")
			}
			runOn(b)
			endsSo(t, b, w, job, want)
		})
	}
}

// reconnect finds the connections out that a crash has cut.
func reconnect(b *enginetest.Bench) {
	for range 50 {
		if b.DB.Writer().PingContext(b.Context()) == nil && b.Product.DB.PingContext(b.Context()) == nil {
			return
		}
	}
}
