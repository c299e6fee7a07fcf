package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/client"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// TestLegalOverREST goes the way from a document and a text to an acceptance
// and the record of processing.
func TestLegalOverREST(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ctx, w := t.Context(), s.NewWorkspace("acme")
		operator, admin, token := s.operator(), s.signedIn("admin@acme.example.com"), s.token(w)
		doc, err := operator.AddDocument(ctx, privacyd.Document{Title: "Plan"}, "plan.txt", strings.NewReader("what we do"))
		s.Must(err)
		status, body, _ := s.call(http.MethodGet, s.public.URL+"/v1/legal/documents/"+doc.ID, "", "Authorization", "Bearer "+token.Token)
		if status != http.StatusOK || body != "what we do" {
			t.Errorf("the document: %d %q", status, body)
		}
		_, err = token.AddDocument(ctx, privacyd.Document{Title: "Plan"}, "plan.txt", strings.NewReader("x"))
		s.WantCode(err, "operator_only")
		a, err := operator.PublishAgreement(ctx, "Ours.")
		s.Must(err)
		path := s.public.URL + "/v1/workspaces/acme/agreements/1/accept"
		for secret, want := range map[string]int{token.Token: http.StatusForbidden, s.signedIn("agent@acme.example.com").Token: http.StatusForbidden, admin.Token: http.StatusCreated} {
			if status, body, _ := s.call(http.MethodPost, path, `{"sha256":"`+a.SHA256+`"}`, "Authorization", "Bearer "+secret, "Content-Type", "application/json"); status != want {
				t.Errorf("accepting: %d %s, want %d", status, body, want)
			}
		}
		n, err := token.SetLegalNotice(ctx, "acme", privacyd.LegalNotice{Party: privacyd.Party{Contact: privacyd.Contact{Name: "Acme", Email: "a@example.com"}}})
		s.Must(err)
		l, err := token.WorkspaceLegal(ctx, "acme")
		s.Must(err)
		if l.Notice != n || l.Agreement.Accepted != 1 || l.Agreement.Acceptances[0].Name != "The admin" {
			t.Errorf("the workspace's: %+v", l)
		}
		all, err := operator.Acceptances(ctx)
		s.Must(err)
		if len(all) != 1 || all[0].SHA256 != a.SHA256 {
			t.Errorf("accepted: %+v", all)
		}
		wantRecords(t, s, operator, token)
		s.Must(operator.WithdrawDocument(ctx, doc.ID))
	})
}

func wantRecords(t *testing.T, s *server, operator, token *client.Client) {
	t.Helper()
	own, err := token.Processing(t.Context(), "acme")
	s.Must(err)
	if own.Controller.Contact.Name != "Acme" || len(own.Activities) < 3 {
		t.Errorf("the workspace's record: %+v", own)
	}
	var csv strings.Builder
	s.Must(token.ExportProcessing(t.Context(), "acme", "csv", &csv))
	if !strings.Contains(csv.String(), "Art. 30(1) GDPR,") {
		t.Errorf("as a table: %q", csv.String())
	}
	whole, err := operator.Processing(t.Context(), "")
	s.Must(err)
	if len(whole.Controllers) != 1 || whole.Controllers[0].Party.Contact.Name != "Acme" {
		t.Errorf("the operator's record: %+v", whole)
	}
	_, err = token.Processing(t.Context(), "")
	s.WantCode(err, "operator_only")
}

// TestLargeDocument is refused before it is read.
func TestLargeDocument(t *testing.T) {
	s := newServer(t, enginetest.NewSQLite(t))
	_, err := s.operator().AddDocument(t.Context(), privacyd.Document{Title: "Large"}, "large.txt", strings.NewReader(strings.Repeat("x", privacyd.MaxDocument+2)))
	s.WantCode(err, "request_too_large")
}
