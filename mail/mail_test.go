package mail_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/mail"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// full is a mail with everything that any kind needs.
func full(kind privacyd.MailKind) privacyd.Mail {
	never, days := 0, 90
	until := at.Add(7 * 24 * time.Hour)
	return privacyd.Mail{
		Kind: kind, To: privacyd.Addressee{Email: "ana@example.com"}, WorkspaceID: "0190-acme", Workspace: `Acme & <b>Sons</b>`,
		Role: privacyd.RoleAgent, Path: "/w/acme?a=1&b=2", Browser: "Firefox on Linux", Change: "subject_deletion", Why: privacyd.WhyApproval, Reason: "The database cannot be reached. Try again.", Count: 1,
		Job: "0190-job", Account: "0190-account", Processor: "Example Hosting GmbH", Format: privacyd.FormatJSON,
		Bytes: 1_234_567, Days: 7, Before: &never, After: &days, At: &at, Until: &until,
	}
}

func writer(t *testing.T) *mail.Writer {
	t.Helper()
	w, err := mail.New("https://privacy.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// leadNowhere are the mails whose readers have no page to go to.
var leadNowhere = []privacyd.MailKind{
	privacyd.MailAccountDeletionDone, privacyd.MailWorkspaceDeletionDone, privacyd.MailDeletionEscalated, privacyd.MailDeletionFailed, privacyd.MailObjection,
}

func TestEveryKindIsWritten(t *testing.T) {
	w := writer(t)
	for _, kind := range privacyd.MailKinds() {
		l, err := w.Write("id", at, full(kind))
		if err != nil {
			t.Fatal(err)
		}
		if l.Subject == "" || strings.ContainsAny(l.Subject, "\r\n") || len(l.Subject) > 100 {
			t.Errorf("%s has the subject %q", kind, l.Subject)
		}
		for what, text := range map[string]string{"text": l.Text, "HTML": l.HTML} {
			for _, wrong := range []string{"<no value>", "{{", "%!", "\n\n\n", "ana@example.com", ", 1 March", ", 8 March"} {
				if strings.Contains(text, wrong) {
					t.Errorf("%s as %s holds %q:\n%s", kind, what, wrong, text)
				}
			}
			if !strings.Contains(text, "https://privacy.example.com") || !strings.Contains(text, "You get it because") {
				t.Errorf("%s as %s does not say where it comes from and why", kind, what)
			}
		}
		if strings.Contains(l.HTML, "<b>Sons") {
			t.Errorf("%s as HTML holds a name as markup", kind)
		}
		if !slices.Contains(leadNowhere, kind) {
			wantBoth(t, l, "https://privacy.example.com/w/acme?a=1&b=2", `href="https://privacy.example.com/w/acme?a=1&amp;b=2"`)
		}
	}
}

func wantBoth(t *testing.T, l privacyd.Letter, text, html string) {
	t.Helper()
	if !strings.Contains(l.Text, text) || !strings.Contains(l.HTML, html) {
		t.Errorf("the letter %q lacks %s or %s:\n%s\n%s", l.Subject, text, html, l.Text, l.HTML)
	}
}

func TestWordsOfLetters(t *testing.T) {
	w := writer(t)
	for _, c := range []struct {
		kind   privacyd.MailKind
		change string
		says   string
	}{
		{privacyd.MailInvitation, "", "invites you to it as agent"},
		{privacyd.MailInvitation, "", "until 8 March 2026, 12:00 UTC"},
		{privacyd.MailNewSignIn, "", "Firefox on Linux, on 1 March 2026, 12:00 UTC"},
		{privacyd.MailSecondFactorChanged, "off", "password alone"},
		{privacyd.MailSecondFactorChanged, "codes", "old ones do not work"},
		{privacyd.MailSecondFactorChanged, "used", "in place of a code"},
		{privacyd.MailExportReady, "data_export", "The JSON export of the workspace"},
		{privacyd.MailExportReady, "subject_export", "one person's data"},
		{privacyd.MailExportReady, "data_export", "1.2 MB"},
		{privacyd.MailAccountDeletionReminder, "", "8 March 2026"},
		{privacyd.MailRetentionChanged, "", "were kept for ever"},
		{privacyd.MailRetentionChanged, "", "it is 90 days after"},
		{privacyd.MailAccountDeletionCancelled, "", "stay so"},
		{privacyd.MailAccountDeletionCancelled, "", "1 record had been deleted or changed by then"},
		{privacyd.MailWorkspaceDeletionCancelled, "", "cannot be brought back. The rest stays"},
	} {
		m := full(c.kind)
		m.Change = c.change
		if m.Change == "" {
			m.Change = "subject_deletion"
		}
		l, err := w.Write("id", at, m)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(l.Text, c.says) {
			t.Errorf("%s %s does not say %q:\n%s", c.kind, c.change, c.says, l.Text)
		}
	}
}

func TestIncompleteMailsAreRefused(t *testing.T) {
	w := writer(t)
	for name, m := range map[string]privacyd.Mail{
		"no kind":      {To: privacyd.Addressee{Email: "a@example.com"}},
		"unknown kind": {Kind: "spam", To: privacyd.Addressee{Email: "a@example.com"}},
		"no address":   {Kind: privacyd.MailPasswordChanged, At: &at, Path: "/"},
		"no time":      {Kind: privacyd.MailPasswordChanged, To: privacyd.Addressee{Email: "a@example.com"}, Path: "/"},
		"no role":      {Kind: privacyd.MailInvitation, To: privacyd.Addressee{Email: "a@example.com"}, Workspace: "A", Path: "/", Until: &at},
	} {
		if _, err := w.Write("id", at, m); err == nil {
			t.Errorf("%s: a letter was written", name)
		} else if strings.Contains(err.Error(), "a@example.com") {
			t.Errorf("%s: the error names the address: %v", name, err)
		}
	}
	if _, err := mail.New(""); privacyd.CodeOf(err) != "base_url_missing" {
		t.Errorf("without an address of the server: %v", err)
	}
}

func TestListsAreNamed(t *testing.T) {
	w := writer(t)
	for kind, list := range map[privacyd.MailKind]string{
		privacyd.MailRetentionChanged:          "notices.0190-acme.privacy.example.com",
		privacyd.MailWorkspaceDeletionReminder: "notices.0190-acme.privacy.example.com",
		privacyd.MailExportReady:               "",
	} {
		l, err := w.Write("id", at, full(kind))
		if err != nil || l.List != list {
			t.Errorf("%s is of the list %q: %v", kind, l.List, err)
		}
	}
}
