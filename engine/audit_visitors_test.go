package engine_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work"
)

// TestVisitorsAreForgotten tries accounts that there are not: the address is
// known until some time after its month, then gone, and the log still verifies.
func TestVisitorsAreForgotten(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		try := func(ip string) {
			_, err := b.SignIn(ctx, privacyd.Caller{IP: ip, Door: privacyd.DoorWeb}, "nobody@example.com", "a wrong password")
			b.WantCode(err, "sign_in_failed")
		}
		known := func() (ips []string) {
			list, err := b.ListAudit(ctx, enginetest.Operator, "", privacyd.AuditFilter{Action: "session.create"})
			b.Must(err)
			for e, err := range list {
				b.Must(err)
				if ips = append(ips, e.IP); e.Erased != (e.IP == "") || e.ActorKind != "anonymous" {
					t.Errorf("%+v", e)
				}
			}
			return ips
		}
		want := func(ips ...string) {
			t.Helper()
			sequenced(t, b)
			b.Must(b.RunForgotten(ctx, "", &lease{}))
			got := known()
			if len(got) != len(ips) {
				t.Fatalf("%q are known, want %q", got, ips)
			}
			for i := range ips {
				if got[i] != ips[i] {
					t.Errorf("%q are known, want %q", got, ips)
				}
			}
		}
		try("192.0.2.1") // 1 March 2026
		b.Pass(20 * 24 * time.Hour)
		try("192.0.2.2")
		b.Pass(20 * 24 * time.Hour)
		try("192.0.2.3")
		want("192.0.2.3", "192.0.2.2", "192.0.2.1")
		b.Pass(80 * 24 * time.Hour) // 29 June: March ended 90 days ago
		want("192.0.2.3", "192.0.2.2", "192.0.2.1")
		entries := len(b.Audited(""))
		b.Pass(2 * 24 * time.Hour)
		want("192.0.2.3", "", "")
		want("192.0.2.3", "", "")
		if n := len(b.Audited("")) - entries; n != 3 {
			t.Errorf("it took %d entries: %q", n, b.Audited(""))
		}
		if missing := explained(t, b, ""); missing != 2 {
			t.Errorf("%d entries lack what was erased", missing)
		}
		b.Engine.Visitors = time.Hour
		b.Pass(5 * 24 * time.Hour)
		want("", "", "")
	})
}

// TestVisitorsWaitForReaders: what was begun while somebody read an older state
// is ended as soon as they have gone, though nothing is left to be deleted.
func TestVisitorsWaitForReaders(t *testing.T) {
	b := enginetest.New(t, sqldbtest.SQLite(t))
	_, err := b.SignIn(t.Context(), privacyd.Caller{IP: "192.0.2.1", Door: privacyd.DoorWeb}, "nobody@example.com", "a wrong password")
	b.WantCode(err, "sign_in_failed")
	b.Pass(200 * 24 * time.Hour)
	sequenced(t, b)
	conn, err := b.DB.Reader().Conn(t.Context())
	b.Must(err)
	_, err = conn.ExecContext(t.Context(), "BEGIN; SELECT count(*) FROM audit_entries")
	b.Must(err)
	err = b.RunForgotten(t.Context(), "", &lease{})
	if retry := (*work.RetryError)(nil); !errors.As(err, &retry) {
		t.Fatalf("error %v, want to be asked again", err)
	}
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	b.Must(errors.Join(err, conn.Close()))
	b.Must(b.RunForgotten(t.Context(), "", &lease{}))
	if got := erasuresOf(b.Audited("")); !slices.Contains(got, "audit.erase done") {
		t.Errorf("it is not said to be done: %v", got)
	}
}
