package engine_test

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
)

func TestProcessingOfAWorkspace(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme, beta := t.Context(), b.NewWorkspace("acme"), b.NewWorkspace("beta")
		b.Places = []privacyd.Place{{Name: "eu-db", Kind: privacyd.PlaceDatabase, Country: "DE", Processor: "Example Hosting GmbH"}, {Name: "models", Kind: privacyd.PlaceLLM, Country: "US"}}
		_, err := b.SetRetention(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID, 90)
		b.Must(err)
		_, err = b.SetSubProcessor(ctx, enginetest.Operator, hosting(nil)) // not engaged for 30 days yet
		b.Must(err)
		_, err = b.SetLegalNotice(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID, controller())
		b.Must(err)
		r, err := b.Processing(ctx, b.Member(privacyd.RoleAuditor, acme), acme.ID)
		b.Must(err)
		n := slices.IndexFunc(r.Activities, func(a privacyd.Activity) bool { return a.Name == "Answering customers" })
		if n < 0 {
			t.Fatalf("activities %+v", r.Activities)
		}
		a := r.Activities[n]
		if !slices.Contains(a.Subjects, "contact") || !slices.Contains(a.Bases, "legitimate_interests") || !slices.Contains(a.Collections, "messages") ||
			!slices.ContainsFunc(a.Categories, func(c privacyd.DataCategory) bool { return c.Name == "Contact: email" }) || !slices.Contains(a.Places, "eu-db") {
			t.Errorf("activity %+v", a)
		}
		if !strings.Contains(strings.Join(a.Limits, " "), "Resolved rows of conversations: 90 days after the last message") {
			t.Errorf("limits %q", a.Limits)
		}
		if r.Article != "Art. 30(1) GDPR" || r.Controller.Contact.Name != "Acme GmbH" || len(r.Recipients) != 2 || len(r.Transfers) != 1 || r.Transfers[0].Country != "US" {
			t.Errorf("record %+v", r)
		}
		if len(r.Missing) != 2 || r.Missing[0].Who != "operator" { // what the transfer rests on, who the operator is
			t.Errorf("missing %+v", r.Missing)
		}
		_, err = b.Processing(ctx, b.Member(privacyd.RoleAdmin, acme), beta.ID)
		b.WantCode(err, "workspace_not_found")
	})
}

// TestMeasuresBesideAProduct: its files are where it keeps them, and nothing is
// said of how.
func TestMeasuresBesideAProduct(t *testing.T) {
	b := enginetest.NewSQLite(t)
	for _, want := range []string{"Finished exports and uploaded files are encrypted", "Finished exports are encrypted"} {
		r, err := b.InstanceProcessing(t.Context(), enginetest.Operator)
		b.Must(err)
		if !strings.Contains(strings.Join(r.Measures, " "), want) {
			t.Errorf("%q is not in %q", want, r.Measures)
		}
		b.Engine.Records = nil
	}
}

func TestProcessingOfTheInstance(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		ctx, acme, _ := t.Context(), b.NewWorkspace("acme"), b.NewWorkspace("beta")
		n := controller()
		n.Contact.Name = "=1+1"
		_, err := b.SetLegalNotice(ctx, b.Member(privacyd.RoleAdmin, acme), acme.ID, n)
		b.Must(err)
		_, err = b.InstanceProcessing(ctx, b.Member(privacyd.RoleAdmin, acme))
		b.WantCode(err, "operator_only")
		r, err := b.InstanceProcessing(ctx, enginetest.Operator)
		b.Must(err)
		if r.Article != "Art. 30(2) GDPR" || len(r.Controllers) != 2 || !slices.Contains(r.Controllers[0].Activities, "Answering customers") || r.Activities[0].Limits != nil {
			t.Errorf("record %+v", r)
		}
		var out strings.Builder
		b.Must(r.WriteCSV(&out))
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		b.Must(err)
		if len(rows) != 3 || !strings.Contains(out.String(), ",'=1+1,") {
			t.Errorf("the table is %q", out.String())
		}
	})
}

// TestProcessingLink is good for an hour, and only as it was made.
func TestProcessingLink(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	_, _, err := b.CreateProcessingLink(t.Context(), b.Member(privacyd.RoleAdmin, w))
	b.WantCode(err, "operator_only")
	secret, expires, err := b.CreateProcessingLink(t.Context(), enginetest.Operator)
	b.Must(err)
	r, err := b.LinkedProcessing(t.Context(), secret)
	if b.Must(err); r.Article != "Art. 30(2) GDPR" || len(r.Controllers) != 1 || !expires.Equal(b.Clock().Add(time.Hour)) {
		t.Errorf("until %s: %+v", expires, r)
	}
	at, signature, _ := strings.Cut(secret, "-")
	for _, forged := range []string{"", "-", at, at + "-" + signature[2:], "9" + secret, "x-" + signature, signature} {
		_, err := b.LinkedProcessing(t.Context(), forged)
		b.WantCode(err, "link_invalid")
	}
	b.Pass(time.Hour)
	_, err = b.LinkedProcessing(t.Context(), secret)
	b.WantCode(err, "link_expired")
	wantAudited(t, b, "", "processing.link done")
}
