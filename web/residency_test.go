package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// told is what providers of buckets say.
type told []privacyd.Sighting

func (l told) Survey(context.Context) []privacyd.Sighting { return l }

// placed has every kind of thing that a page says of a place.
func placed(t *testing.T, p *product) {
	t.Helper()
	now := p.Clock()
	address, err := url.Parse("https://models.example.com")
	must(t, err)
	agreed := &privacyd.Agreement{Document: "DPA-17 " + legalMark, Since: now.Add(-48 * time.Hour)}
	p.engine.Egress.Providers = []privacyd.Provider{
		{Name: "agreed", Dialect: privacyd.DialectOpenAI, URL: address, Country: "IE", ZeroRetention: agreed},
		{Name: "unsigned", Dialect: privacyd.DialectOpenAI, URL: address, Country: "IE"},
		{Name: "overseas", Dialect: privacyd.DialectOpenAI, URL: address, Country: "CH", ZeroRetention: agreed},
	}
	p.engine.Allowed = privacyd.Countries{privacyd.EEA}
	p.engine.Places = []privacyd.Place{
		{Name: "eu-db", Kind: privacyd.PlaceDatabase, Uses: []string{"database"}, Country: "DE", Region: "eu-central-1", Processor: "Hoster " + legalMark},
		{Name: "ledger", Kind: privacyd.PlaceBucket, Uses: []string{"ledger"}, Local: true},
		{Name: "files", Kind: privacyd.PlaceBucket, Uses: []string{"blobs.exports"}, Country: "DE", Region: "eu-central-1"},
		{Name: "first", Kind: privacyd.PlaceLLM, Uses: []string{"llm.agreed"}, Country: "IE"},
		{Name: "second", Kind: privacyd.PlaceLLM, Uses: []string{"llm.unsigned"}, Country: "IE"},
		{Name: "third", Kind: privacyd.PlaceLLM, Uses: []string{"llm.overseas"}, Country: "CH", Basis: "adequacy decision"},
	}
	p.engine.Surveyor = told{{Use: "blobs.exports", Bucket: "b", Region: "us-east-1", Amazon: true, At: now}}
	if err := p.engine.Survey(t.Context()); privacyd.CodeOf(err) != "place_moved" {
		t.Fatal(err)
	}
}

func TestResidencyPage(t *testing.T) {
	p := newProduct(t)
	placed(t, p)
	w := p.as(t, "agent").get("/w/acme/residency")
	expect(t, w, "DE (eu-central-1)", "This server; not declared", "Suppression ledger", "Moved: its provider says us-east-1.", "Transfer: adequacy decision")
	rows := strings.Split(w.Body.String(), "<tr role=\"row\"")
	for _, c := range []struct{ place, says, allowed string }{
		{"eu-db", "Hoster &#34;&gt;&lt;script&gt;", "Yes"},
		{"files", "Moved", "No"},
		{"first", "Keeps no calls and no answers, by the agreement DPA-17 &#34;&gt;&lt;script&gt;x&lt;/script&gt; of ", "Yes"},
		{"second", "No call is sent. No zero-retention agreement with unsigned is in force", "No"},
		{"third", "No call is sent. Provider overseas is in the country CH, and data of this workspace may only be in EEA", "No"},
	} {
		found := false
		for _, row := range rows {
			if strings.Contains(row, ">"+c.place+"</th>") {
				found = strings.Contains(row, c.says) && strings.Contains(row, ">"+c.allowed+"</span>")
			}
		}
		if !found {
			t.Errorf("%s is not shown with %q and %s", c.place, c.says, c.allowed)
		}
	}
	if strings.Contains(w.Body.String(), "<script>x") {
		t.Error("a processor's name is a script")
	}
	if w := p.as(t, "stranger").get("/w/acme/residency"); w.Code != http.StatusNotFound {
		t.Errorf("a stranger: %d", w.Code)
	}
}

// TestObjectingOnThePage announces a sub-processor, which everybody reads, and
// has an admin object with one click.
func TestObjectingOnThePage(t *testing.T) {
	p := newProduct(t)
	s, err := p.engine.SetSubProcessor(t.Context(), enginetest.Operator, engine.NewSubProcessor{SubProcessor: privacyd.SubProcessor{
		Name: "Speech " + legalMark, Purpose: "Transcripts", Country: "FI", Categories: []string{"audio messages"},
	}})
	must(t, err)
	w := stranger(t, p).get("/legal/sub-processors")
	expect(t, w, "Speech &#34;", "New from", s.From.Format("2006"), "Transcripts", "audio messages")
	if strings.Contains(w.Body.String(), "<form") || strings.Contains(w.Body.String(), "<script>x") {
		t.Error("the public page has a form, or a name is a script")
	}
	path := "/w/acme/residency/objections/" + s.ID
	if strings.Contains(p.as(t, "agent").get("/w/acme/residency").Body.String(), path) {
		t.Error("an agent is offered to object")
	}
	if w := p.as(t, "agent").post(path, url.Values{}); w.Code != http.StatusForbidden {
		t.Errorf("an agent: %d", w.Code)
	}
	b := p.as(t, "admin")
	expect(t, b.get("/w/acme/residency"), path, "Object<span")
	if w := b.post(path, url.Values{}); w.Header().Get("Location") != "/w/acme/residency?done=objected#sub-processors" {
		t.Fatalf("objected: %d %v", w.Code, w.Header())
	}
	w = b.get("/w/acme/residency?done=objected")
	expect(t, w, "Your workspace objected.", "Your objection is recorded")
	if strings.Contains(w.Body.String(), path) {
		t.Error("who has objected is offered it again")
	}
	if w := b.post("/w/acme/residency/objections/nobody", url.Values{}); w.Code != http.StatusNotFound {
		t.Errorf("an unknown one: %d", w.Code)
	}
	all, err := p.engine.AllObjections(t.Context(), enginetest.Operator)
	must(t, err)
	if len(all) != 1 {
		t.Errorf("objections: %+v", all)
	}
}
