package engine_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

const otherWords = "seven wet umbrellas"

// linkIn gives the secret at the end of the link in a letter.
func linkIn(t *testing.T, l privacyd.Letter) string {
	t.Helper()
	link := regexp.MustCompile(`https://privacy\.example\.com/\S+/(pd[a-z]_\S+)`).FindStringSubmatch(l.Text)
	if link == nil {
		t.Fatalf("there is no link in the letter %q", l.Text)
	}
	return link[1]
}

func TestChangingAPassword(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		personWith(b, "ada@example.com")
		_, other := enter(b, from("192.0.2.1"), "ada@example.com")
		me, in := enter(b, from("192.0.2.2"), "ada@example.com")
		b.WantCode(b.ChangePassword(ctx, me, "wrong", otherWords), "password_wrong")
		b.WantCode(b.ChangePassword(ctx, me, secretWords, "short"), "password_invalid")
		b.WantCode(b.ChangePassword(ctx, me, secretWords, ""), "password_invalid")
		b.WantCode(b.ChangePassword(ctx, privacyd.Caller{}, secretWords, otherWords), "not_signed_in")
		b.Must(b.ChangePassword(ctx, me, secretWords, otherWords))
		_, err := b.Authenticate(ctx, in.Secret)
		b.Must(err)
		_, err = b.Authenticate(ctx, other.Secret)
		b.WantCode(err, "session_unknown")
		_, err = b.SignIn(ctx, me, "ada@example.com", secretWords)
		b.WantCode(err, "sign_in_failed")
		_, err = b.SignIn(ctx, me, "ada@example.com", otherWords)
		b.Must(err)
		mails := b.Mails()
		if last := mails[len(mails)-1]; last.Subject != "Your password was changed" || last.To != "ada@example.com" {
			t.Errorf("%+v", last)
		}
	})
}

func TestAFirstPasswordNeedsAFreshSession(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	email := b.Member(privacyd.RoleAdmin, w).Email
	link, err := b.CreateSignInLink(t.Context(), enginetest.Operator, email)
	b.Must(err)
	in, err := b.RedeemSignInLink(t.Context(), from("192.0.2.1"), link)
	b.Must(err)
	me, err := b.Authenticate(t.Context(), in.Secret)
	b.Must(err)
	b.Pass(2 * time.Hour)
	b.WantCode(b.ChangePassword(t.Context(), me, "", otherWords), "sign_in_again")
	b.Pass(-2 * time.Hour)
	b.Must(b.ChangePassword(t.Context(), me, "", otherWords))
	b.WantCode(b.ChangePassword(t.Context(), me, "", otherWords), "password_wrong")
	b.WantCode(b.ChangePassword(t.Context(), b.Member(privacyd.RoleAgent, w), "", secretWords), "sign_in_again")
}

func TestResettingAPassword(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		personWith(b, "ada@example.com")
		_, in := enter(b, from("192.0.2.1"), "ada@example.com")
		for _, email := range []string{"Ada@example.com ", "nobody@example.com"} {
			b.Must(b.AskPasswordReset(ctx, from("192.0.2.9"), email))
		}
		b.Run()
		mails := b.Mails()
		if len(mails) != 1 || mails[0].To != "ada@example.com" {
			t.Fatalf("%+v", mails)
		}
		secret := linkIn(t, mails[0])
		b.Must(b.CheckPasswordLink(ctx, secret))
		b.WantCode(b.ResetPassword(ctx, from("192.0.2.9"), secret, "short"), "password_invalid")
		b.Must(b.ResetPassword(ctx, from("192.0.2.9"), secret, otherWords))
		b.WantCode(b.ResetPassword(ctx, from("192.0.2.9"), secret, secretWords), "link_used")
		_, err := b.Authenticate(ctx, in.Secret)
		b.WantCode(err, "session_unknown")
		_, err = b.SignIn(ctx, from("192.0.2.1"), "ada@example.com", otherWords)
		b.Must(err)
	})
}

func TestLinksToResetGrowOldAndReplaceEachOther(t *testing.T) {
	b := enginetest.NewSQLite(t)
	ctx := t.Context()
	personWith(b, "ada@example.com")
	ask := func() string {
		b.Must(b.AskPasswordReset(ctx, from("192.0.2.9"), "ada@example.com"))
		b.Run()
		mails := b.Mails()
		return linkIn(t, mails[len(mails)-1])
	}
	old, late := ask(), ask()
	b.WantCode(b.CheckPasswordLink(ctx, old), "link_used")
	b.Pass(time.Hour)
	b.WantCode(b.CheckPasswordLink(ctx, late), "link_used")
	b.WantCode(b.ResetPassword(ctx, from("192.0.2.9"), late, otherWords), "link_used")
	b.WantCode(b.ResetPassword(ctx, from("192.0.2.9"), "forged", otherWords), "link_used")
	for range 5 {
		b.Must(b.AskPasswordReset(ctx, from("192.0.2.9"), "ada@example.com"))
		b.Run()
	}
	if mails := b.Mails(); len(mails) != 4 {
		t.Errorf("%d mails went to one address in an hour", len(mails))
	}
}

func TestTheOperatorMakesPasswordLinks(t *testing.T) {
	b := enginetest.NewSQLite(t)
	b.Mailing = engine.Mailing{}
	ctx := t.Context()
	personWith(b, "ada@example.com")
	me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
	b.WantCode(b.AskPasswordReset(ctx, from("192.0.2.1"), "ada@example.com"), "mail_missing")
	_, err := b.CreatePasswordLink(ctx, me, "ada@example.com")
	b.WantCode(err, "operator_only")
	_, err = b.CreatePasswordLink(ctx, enginetest.Operator, "nobody@example.com")
	b.WantCode(err, "account_not_found")
	secret, err := b.CreatePasswordLink(ctx, enginetest.Operator, "ada@example.com")
	b.Must(err)
	b.Must(b.ResetPassword(ctx, from("192.0.2.1"), secret, otherWords))
}

// TestAResetLiftsTheLock has a stranger lock the account first.
func TestAResetLiftsTheLock(t *testing.T) {
	b := enginetest.NewSQLite(t)
	personWith(b, "ada@example.com")
	if codes := guess(b, from("198.51.100.1"), "ada@example.com", 7); codes[6] != "too_many_attempts" {
		t.Fatal(codes)
	}
	secret, err := b.CreatePasswordLink(t.Context(), enginetest.Operator, "ada@example.com")
	b.Must(err)
	b.Must(b.ResetPassword(t.Context(), from("192.0.2.1"), secret, otherWords))
	_, err = b.SignIn(t.Context(), from("192.0.2.1"), "ada@example.com", otherWords)
	b.Must(err)
}

// TestRequestsForPasswordsKeepAddressesSealed looks at the rows between asking
// and sending.
func TestRequestsForPasswordsKeepAddressesSealed(t *testing.T) {
	b := enginetest.NewSQLite(t)
	personWith(b, "ada@example.com")
	b.Must(b.AskPasswordReset(t.Context(), from("192.0.2.77"), "nobody-special@example.com"))
	for _, query := range []string{"SELECT id, sealed, '' FROM reset_requests", "SELECT kind, key, '' FROM work_items", "SELECT hash, '', '' FROM attempts"} {
		rows, err := b.DB.Query(t.Context(), query)
		b.Must(err)
		for rows.Next() {
			var one, two, three []byte
			b.Must(rows.Scan(&one, &two, &three))
			if text := string(one) + string(two); strings.Contains(text, "nobody-special") || strings.Contains(text, "192.0.2.77") {
				t.Errorf("%s shows %q", query, text)
			}
		}
		b.Must(rows.Close())
	}
}
