package engine_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/vault"
)

// app is an authenticator app with the bench's clock.
type app struct {
	b      *enginetest.Bench
	secret string
}

func (a app) code(later time.Duration) string {
	code, err := totp.GenerateCode(a.secret, a.b.Clock().Add(later))
	a.b.Must(err)
	return code
}

// enrol turns the second factor on and waits until the first code is past.
func enrol(b *enginetest.Bench, me privacyd.Caller) (app, []string) {
	e, err := b.BeginSecondFactor(b.Context(), me, secretWords)
	b.Must(err)
	a := app{b, e.Secret}
	codes, err := b.ConfirmSecondFactor(b.Context(), me, a.code(0))
	b.Must(err)
	b.Pass(time.Minute)
	return a, codes
}

func TestASecondFactorIsAskedFor(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		personWith(b, "ada@example.com")
		me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
		a, _ := enrol(b, me)
		in, err := b.SignIn(ctx, me, "ada@example.com", secretWords)
		b.Must(err)
		if !in.NeedsCode {
			t.Fatal("the password alone was enough")
		}
		_, err = b.Authenticate(ctx, in.Secret)
		b.WantCode(err, "session_unknown")
		for _, wrong := range []string{"000000", "", "abcdef", a.code(-2 * time.Minute), a.code(2 * time.Minute)} {
			_, err = b.ConfirmSignIn(ctx, me, in.Secret, wrong)
			b.WantCode(err, "code_wrong")
		}
		code := a.code(0)
		done, err := b.ConfirmSignIn(ctx, me, in.Secret, code[:3]+" "+code[3:])
		b.Must(err)
		_, err = b.Authenticate(ctx, done.Secret)
		b.Must(err)
		_, err = b.ConfirmSignIn(ctx, me, in.Secret, a.code(30*time.Second))
		b.WantCode(err, "link_used")
		again, err := b.SignIn(ctx, me, "ada@example.com", secretWords)
		b.Must(err)
		_, err = b.ConfirmSignIn(ctx, me, again.Secret, code)
		b.WantCode(err, "code_wrong")
		_, err = b.ConfirmSignIn(ctx, me, again.Secret, a.code(30*time.Second)) // the app's clock is ahead
		b.Must(err)
	})
}

func TestLinksDoNotGoRoundTheSecondFactor(t *testing.T) {
	b := enginetest.NewSQLite(t)
	ctx := t.Context()
	personWith(b, "ada@example.com")
	me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
	a, _ := enrol(b, me)
	link, err := b.CreateSignInLink(ctx, enginetest.Operator, "ada@example.com")
	b.Must(err)
	in, err := b.RedeemSignInLink(ctx, me, link)
	b.Must(err)
	if !in.NeedsCode {
		t.Error("a sign-in link goes round the second factor")
	}
	secret, err := b.CreatePasswordLink(ctx, enginetest.Operator, "ada@example.com")
	b.Must(err)
	b.Must(b.ResetPassword(ctx, me, secret, otherWords))
	_, err = b.ConfirmSignIn(ctx, me, in.Secret, a.code(0))
	b.WantCode(err, "link_used") // what the old password began is over
	if in, err = b.SignIn(ctx, me, "ada@example.com", otherWords); err != nil || !in.NeedsCode {
		t.Errorf("a new password goes round the second factor: %v", err)
	}
	b.Pass(11 * time.Minute)
	_, err = b.ConfirmSignIn(ctx, me, in.Secret, a.code(0))
	b.WantCode(err, "link_used")
}

func TestRecoveryCodesWorkOnce(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		personWith(b, "ada@example.com")
		me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
		a, codes := enrol(b, me)
		use := func(code string) error {
			in, err := b.SignIn(ctx, me, "ada@example.com", secretWords)
			b.Must(err)
			_, err = b.ConfirmSignIn(ctx, me, in.Secret, code)
			return err
		}
		b.Must(use(strings.ToLower(codes[3])))
		b.WantCode(use(codes[3]), "code_wrong")
		if f, err := b.MySecondFactor(ctx, me); err != nil || !f.On || f.CodesLeft != 9 {
			t.Errorf("%+v %v", f, err)
		}
		fresh, err := b.NewRecoveryCodes(ctx, me, a.code(0))
		b.Must(err)
		b.WantCode(use(codes[4]), "code_wrong")
		b.Must(use(fresh[0]))
		var subjects []string
		for _, l := range b.Mails() {
			subjects = append(subjects, l.Subject)
		}
		if got := strings.Join(subjects, ", "); got != "Your second factor is on, A recovery code was used, You have new recovery codes, A recovery code was used" {
			t.Errorf("told: %s", got)
		}
	})
}

func TestGuessingCodesIsSlowedDown(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx := t.Context()
		personWith(b, "ada@example.com")
		me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
		a, _ := enrol(b, me)
		in, err := b.SignIn(ctx, me, "ada@example.com", secretWords)
		b.Must(err)
		var last error
		for range 7 {
			_, last = b.ConfirmSignIn(ctx, me, in.Secret, "12345")
		}
		b.WantCode(last, "too_many_attempts")
		_, err = b.ConfirmSignIn(ctx, me, in.Secret, a.code(0))
		b.WantCode(err, "too_many_attempts")
		b.Pass(time.Minute)
		_, err = b.ConfirmSignIn(ctx, me, in.Secret, a.code(0))
		b.Must(err)
	})
}

func TestTurningTheSecondFactorOff(t *testing.T) {
	b := enginetest.NewSQLite(t)
	ctx := t.Context()
	personWith(b, "ada@example.com")
	personWith(b, "eve@example.com")
	me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
	eve, _ := enter(b, from("192.0.2.2"), "eve@example.com")
	b.WantCode(b.EndSecondFactor(ctx, me, secretWords, "123456"), "second_factor_off")
	a, codes := enrol(b, me)
	_, err := b.BeginSecondFactor(ctx, me, secretWords)
	b.WantCode(err, "second_factor_on")
	b.WantCode(b.EndSecondFactor(ctx, me, "wrong", a.code(0)), "password_wrong")
	b.WantCode(b.EndSecondFactor(ctx, me, secretWords, "000000"), "code_wrong")
	b.WantCode(b.RemoveSecondFactor(ctx, eve, "ada@example.com"), "operator_only")
	b.WantCode(b.RemoveSecondFactor(ctx, enginetest.Operator, "eve@example.com"), "second_factor_off")
	b.Must(b.EndSecondFactor(ctx, me, secretWords, codes[0]))
	enter(b, me, "ada@example.com")
	enrol(b, me)
	b.Must(b.RemoveSecondFactor(ctx, enginetest.Operator, "ada@example.com"))
	enter(b, me, "ada@example.com")
}

func TestSettingUpASecondFactor(t *testing.T) {
	b := enginetest.NewSQLite(t)
	ctx := t.Context()
	personWith(b, "a+b@example.com")
	me, _ := enter(b, from("192.0.2.1"), "a+b@example.com")
	_, err := b.ConfirmSecondFactor(ctx, me, "123456")
	b.WantCode(err, "second_factor_not_begun")
	_, err = b.BeginSecondFactor(ctx, me, "wrong")
	b.WantCode(err, "password_wrong")
	e, err := b.BeginSecondFactor(ctx, me, secretWords)
	b.Must(err)
	u, err := url.Parse(e.URL)
	b.Must(err)
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/privacyd:a+b@example.com" || u.Query().Get("secret") != e.Secret || len(e.Secret) != 32 {
		t.Errorf("%s", e.URL)
	}
	same, err := b.PendingSecondFactor(ctx, me)
	b.Must(err)
	if same != e {
		t.Errorf("%+v is not %+v", same, e)
	}
	if in, err := b.SignIn(ctx, me, "a+b@example.com", secretWords); err != nil || in.NeedsCode {
		t.Errorf("what is not confirmed is asked for: %v", err)
	}
	b.Pass(2 * time.Hour)
	_, err = b.ConfirmSecondFactor(ctx, me, app{b, e.Secret}.code(0))
	b.WantCode(err, "second_factor_not_begun")
	for _, nobody := range []privacyd.Caller{{}, enginetest.Operator} {
		_, err := b.BeginSecondFactor(ctx, nobody, "")
		b.WantCode(err, "not_signed_in")
		_, err = b.ConfirmSecondFactor(ctx, nobody, "")
		b.WantCode(err, "not_signed_in")
	}
}

// TestTheSharedSecretIsSealed destroys the key that it must be sealed with.
func TestTheSharedSecretIsSealed(t *testing.T) {
	b := enginetest.NewSQLite(t)
	a := personWith(b, "ada@example.com")
	me, _ := enter(b, from("192.0.2.1"), "ada@example.com")
	enrol(b, me)
	b.Must(b.Keys.Shred(t.Context(), vault.Owner{Kind: "account", ID: a.ID}))
	in, err := b.SignIn(t.Context(), me, "ada@example.com", secretWords)
	b.Must(err)
	if _, err := b.ConfirmSignIn(t.Context(), me, in.Secret, "123456"); err == nil {
		t.Error("a code was right though the key of the secret is gone")
	}
}
