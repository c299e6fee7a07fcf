package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

const secretWords = "correct horse battery"

// personWith makes an account with a password.
func personWith(b *enginetest.Bench, email string) privacyd.Account {
	a, err := b.CreateAccount(b.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: "A Person", Password: secretWords})
	b.Must(err)
	return a
}

// from is somebody at an address, in a browser without a cookie.
func from(ip string) privacyd.Caller {
	return privacyd.Caller{Door: privacyd.DoorWeb, IP: ip, Browser: privacyd.Browser{Name: "Firefox on Linux"}}
}

// enter signs in and gives who that is.
func enter(b *enginetest.Bench, c privacyd.Caller, email string) (privacyd.Caller, engine.SignedIn) {
	in, err := b.SignIn(b.Context(), c, email, secretWords)
	b.Must(err)
	me, err := b.Authenticate(b.Context(), in.Secret)
	b.Must(err)
	me.IP, me.Door, me.Browser = c.IP, c.Door, c.Browser
	if in.Browser != "" {
		me.Browser.Secret = in.Browser
	}
	return me, in
}

// guess tries wrong passwords and gives the codes of the answers.
func guess(b *enginetest.Bench, c privacyd.Caller, email string, times int) []string {
	var codes []string
	for range times {
		_, err := b.SignIn(b.Context(), c, email, "not the password")
		codes = append(codes, privacyd.CodeOf(err))
	}
	return codes
}

func TestGuessingIsSlowedDown(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		personWith(b, "ada@example.com")
		holder, in := enter(b, from("192.0.2.1"), "ada@example.com")
		known := guess(b, from("198.51.100.1"), "ada@example.com", 8)
		unknown := guess(b, from("198.51.100.2"), "nobody@example.com", 8)
		if diff := cmp.Diff(known, unknown); diff != "" || known[5] != "sign_in_failed" || known[6] != "too_many_attempts" {
			t.Errorf("known %v, unknown %v", known, unknown)
		}
		_, err := b.SignIn(t.Context(), from("203.0.113.9"), "ada@example.com", secretWords)
		b.WantCode(err, "too_many_attempts")
		if privacyd.ClassOf(err) != privacyd.ClassLimited || !strings.Contains(err.Error(), "30 seconds") {
			t.Errorf("%v", err)
		}
		b.Pass(10 * time.Second)
		holder.Browser.Secret = in.Browser
		if _, again := enter(b, holder, "ada@example.com"); again.Browser != "" {
			t.Error("a browser that is known was given another cookie")
		}
		b.Pass(25 * time.Second)
		enter(b, from("203.0.113.9"), "ada@example.com")
		if codes := guess(b, from("198.51.100.1"), "ada@example.com", 1); codes[0] != "sign_in_failed" {
			t.Errorf("after the right password the count goes on: %v", codes)
		}
		if !slices.Contains(b.Audited(""), "attempts.lock done") {
			t.Errorf("the lock is not audited: %v", b.Audited(""))
		}
	})
}

func TestNobodyLearnsFromTheLogWhoExists(t *testing.T) {
	b := enginetest.NewSQLite(t)
	personWith(b, "ada@example.com")
	guess(b, from("198.51.100.1"), "ada@example.com", 1)
	guess(b, from("198.51.100.1"), "nobody@example.com", 1)
	rows, err := b.DB.Query(t.Context(), `SELECT e.target_type, count(*), length(e.leaf) FROM audit_entries e
		JOIN audit_disclosures d ON d.no / 100 = e.seq WHERE e.outcome = 'denied' GROUP BY e.id, e.target_type, e.leaf ORDER BY e.id`)
	b.Must(err)
	defer rows.Close() //nolint:errcheck // a test's
	var shapes [][3]any
	for rows.Next() {
		var kind string
		var parts, size int
		b.Must(rows.Scan(&kind, &parts, &size))
		shapes = append(shapes, [3]any{kind, parts, size})
	}
	b.Must(rows.Err())
	if len(shapes) != 2 || shapes[0] != shapes[1] {
		t.Errorf("the entries differ in %v", shapes)
	}
}

func TestAddressesAreLimitedToo(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ask := func(ip, email string) string {
			return privacyd.CodeOf(b.AskPasswordReset(t.Context(), from(ip), email))
		}
		var codes []string
		for range 12 {
			codes = append(codes, ask("2001:db8::1", "ada@example.com"))
		}
		if codes[10] != "" || codes[11] != "too_many_attempts" {
			t.Errorf("%v", codes)
		}
		if code := ask("2001:db8::ffff:1", "ben@example.com"); code != "too_many_attempts" {
			t.Errorf("another address of the same network: %q", code)
		}
		if code := ask("2001:db8:0:1::1", "ben@example.com"); code != "" {
			t.Errorf("another network: %q", code)
		}
		b.Pass(20 * time.Minute)
		if code := ask("2001:db8::1", "ada@example.com"); code != "" {
			t.Errorf("later: %q", code)
		}
	})
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		personWith(b, "ada@example.com")
		personWith(b, "eve@example.com")
		first, _ := enter(b, from("192.0.2.1"), "ada@example.com")
		b.Pass(time.Minute)
		me, in := enter(b, from("192.0.2.2"), "ada@example.com")
		eve, _ := enter(b, from("192.0.2.3"), "eve@example.com")
		list, err := b.ListSessions(ctx, me)
		b.Must(err)
		if len(list) != 2 || !list[0].Current || list[1].Current || list[0].IP != "192.0.2.2" || list[0].Browser != "Firefox on Linux" {
			t.Errorf("%+v", list)
		}
		b.WantCode(b.EndSession(ctx, eve, first.SessionID), "session_not_found")
		b.Must(b.EndSession(ctx, me, first.SessionID))
		b.WantCode(b.EndSession(ctx, me, first.SessionID), "session_not_found")
		enter(b, from("192.0.2.4"), "ada@example.com")
		enter(b, from("192.0.2.5"), "ada@example.com")
		if ended, err := b.EndOtherSessions(ctx, me); err != nil || ended != 2 {
			t.Errorf("%d ended: %v", ended, err)
		}
		_, err = b.Authenticate(ctx, in.Secret)
		b.Must(err)
		if list, err = b.ListSessions(ctx, eve); err != nil || len(list) != 1 {
			t.Errorf("another's sessions: %v %v", list, err)
		}
		for _, nobody := range []privacyd.Caller{{}, enginetest.Operator} {
			_, err := b.ListSessions(ctx, nobody)
			b.WantCode(err, "not_signed_in")
			b.WantCode(b.EndSession(ctx, nobody, me.SessionID), "not_signed_in")
		}
	})
}

func TestASessionKnowsWhenItWasUsed(t *testing.T) {
	b := enginetest.NewSQLite(t)
	personWith(b, "ada@example.com")
	me, in := enter(b, from("192.0.2.1"), "ada@example.com")
	for _, c := range []struct{ pass, seen time.Duration }{{5 * time.Minute, 0}, {6 * time.Minute, 11 * time.Minute}} {
		b.Pass(c.pass)
		_, err := b.Authenticate(t.Context(), in.Secret)
		b.Must(err)
		list, err := b.ListSessions(t.Context(), me)
		b.Must(err)
		if got := list[0].SeenAt.Sub(list[0].CreatedAt); got != c.seen {
			t.Errorf("last seen after %s, not %s", got, c.seen)
		}
	}
}

func TestNewBrowsersAreTold(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		personWith(b, "ada@example.com")
		me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
		enter(b, me, "ada@example.com") // the same browser again
		if mails := b.Mails(); len(mails) != 0 {
			t.Fatalf("one's own browser was told: %v", mails[0].Subject)
		}
		enter(b, from("192.0.2.1"), "ada@example.com")
		forged := from("192.0.2.1")
		forged.Browser.Secret = "x"
		enter(b, forged, "ada@example.com")
		mails := b.Mails()
		if len(mails) != 2 || mails[0].To != "ada@example.com" || !strings.Contains(mails[0].Text, "Firefox on Linux") {
			t.Fatalf("%+v", mails)
		}
		if strings.Contains(mails[0].Text, "192.0.2.1") || strings.Contains(mails[0].Text, "A Person") {
			t.Errorf("the mail tells more than is needed: %s", mails[0].Text)
		}
	})
}
