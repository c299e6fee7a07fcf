package engine_test

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
)

// provider asks a real S3 server where its bucket lies.
type provider struct {
	*buckettest.Server
	b  *enginetest.Bench
	of string // which bucket it is asked about
}

// Survey implements engine.Surveyor.
func (p provider) Survey(ctx context.Context) []privacyd.Sighting {
	s := privacyd.Sighting{Use: "blobs.exports", Bucket: p.of, At: p.b.Clock()}
	found, err := bucket.Locate(ctx, p.Address)
	if s.Region = found.Region; err != nil {
		s.Fault = privacyd.MessageOf(err)
	}
	return []privacyd.Sighting{s}
}

func newProvider(t *testing.T, b *enginetest.Bench) provider {
	t.Helper()
	p := provider{buckettest.New(t, nil), b, "s3://exports"}
	p.Tell("eu-central-1")
	b.Surveyor = p
	b.Places = []privacyd.Place{{Name: "exports", Kind: privacyd.PlaceBucket, Uses: []string{"blobs.exports"}, Region: "eu-central-1", Country: "DE"}}
	b.Must(b.Survey(t.Context()))
	return p
}

// TestBucketThatMoved has a bucket move while an export waits.
func TestBucketThatMoved(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, p := b.NewWorkspace("acme"), newProvider(t, b)
		admin := b.Member(privacyd.RoleAdmin, w)
		waiting, _, err := b.CreateJob(t.Context(), admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		b.Must(err)
		p.Tell("us-east-1")
		b.WantCode(b.Survey(t.Context()), "place_moved")
		b.WantCode(b.Survey(t.Context()), "place_moved")
		b.Run()
		job, err := b.GetJob(t.Context(), admin, w.ID, waiting.ID)
		b.Must(err)
		if job.State != privacyd.JobFailed || job.ErrorCode != "place_moved" {
			t.Errorf("the export that waited is %s, %s", job.State, job.ErrorCode)
		}
		_, _, err = b.CreateJob(t.Context(), admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport})
		b.WantCode(err, "place_moved")
		_, err = b.PutRecord(t.Context(), admin, w.ID, "contacts", "new", []byte(`{"id":"new"}`))
		b.WantCode(err, "place_moved")
		_, err = b.RecordActions(t.Context(), admin, w.ID, engine.NewActions{Entries: []engine.ProductAction{{Action: "app.invoice.send", Actor: engine.ProductActor{Kind: "system"}}}})
		b.WantCode(err, "place_moved")
		checkNothingWritten(t, b)
		if _, job := b.Erase(engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "contact", ID: "c-001"}}); job.State != privacyd.JobCompleted {
			t.Errorf("an erasure while a bucket has moved is %s: %s", job.State, job.ErrorMessage)
		}
		if got := b.Audited(""); strings.Count(strings.Join(got, "\n"), "place.survey failed") != 1 {
			t.Errorf("the instance's log has %v, want one place.survey", got)
		}
		checkDoctor(t, b, "place.blobs.exports", privacyd.CheckProblem, "us-east-1")
		checkStillMoved(t, b, p)
		p.Tell("eu-central-1")
		checkDoctor(t, b, "place.blobs.exports", privacyd.CheckOK, "eu-central-1")
		if job := b.Export(admin, engine.NewJob{Workspace: w.ID, Type: privacyd.JobDataExport}); job.State != privacyd.JobCompleted {
			t.Errorf("with the bucket back the export is %s: %s", job.State, job.ErrorMessage)
		}
		p.Tell("")
		checkDoctor(t, b, "place.blobs.exports", privacyd.CheckOK, "does not tell")
	})
}

// checkNothingWritten has the operator add a document, which is in no workspace,
// and the doctor look at the files.
func checkNothingWritten(t *testing.T, b *enginetest.Bench) {
	t.Helper()
	_, err := b.AddDocument(t.Context(), enginetest.Operator, privacyd.Document{Title: "Plan"}, "plan.txt", strings.NewReader("x"))
	b.WantCode(err, "place_moved")
	wantAudited(t, b, "", "legal.documents denied")
	checkDoctor(t, b, "blobs", privacyd.CheckWarning, "No file was written")
}

// checkStillMoved has the provider say nothing, and not be there to be asked: a
// bucket that had moved is not back for that.
func checkStillMoved(t *testing.T, b *enginetest.Bench, p provider) {
	t.Helper()
	p.Tell("")
	b.WantCode(b.Survey(t.Context()), "place_moved")
	b.Surveyor = provider{&buckettest.Server{Address: strings.Replace(p.Address, p.Name, "gone", 1)}, b, p.of}
	b.WantCode(b.Survey(t.Context()), "place_moved")
	if seen := b.Sightings(); len(seen) != 1 || seen[0].Fault == "" || seen[0].Region != "us-east-1" {
		t.Errorf("seen %+v, want the fault and where it was before", seen)
	}
	checkDoctor(t, b, "place.blobs.exports", privacyd.CheckProblem, "us-east-1")
	if got := b.Audited(""); strings.Count(strings.Join(got, "\n"), "place.survey failed") != 1 {
		t.Errorf("the instance's log has %v, want one place.survey", got)
	}
	b.Surveyor = p
}

func checkDoctor(t *testing.T, b *enginetest.Bench, name string, state privacyd.CheckState, says string) {
	t.Helper()
	d, err := b.Diagnose(t.Context(), enginetest.Operator)
	b.Must(err)
	n := slices.IndexFunc(d.Checks, func(c privacyd.Check) bool { return c.Name == name })
	if n < 0 || d.Checks[n].State != state || !strings.Contains(d.Checks[n].Message, says) {
		t.Errorf("the doctor says %+v, want %s %s with %q", d.Checks, name, state, says)
	}
}

// TestDoctorOfPlaces looks at providers and processors that nobody has written
// down.
func TestDoctorOfPlaces(t *testing.T) {
	b := enginetest.NewSQLite(t)
	w := b.NewWorkspace("acme")
	b.Places = []privacyd.Place{{Name: "db", Kind: privacyd.PlaceDatabase, Uses: []string{"database"}, Country: "DE", Processor: "Example Hosting GmbH"}}
	b.Egress.Providers = []privacyd.Provider{{Name: "models", Dialect: privacyd.DialectOpenAI, Country: "IE"}}
	checkDoctor(t, b, "sub_processors", privacyd.CheckWarning, "Example Hosting GmbH")
	operator := b.Legal.Operator
	b.Legal.Operator.Contact.Name = "Example hosting GmbH"
	checkDoctor(t, b, "sub_processors", privacyd.CheckOK, "is in the register")
	b.Legal.Operator = operator
	checkDoctor(t, b, "llm.models", privacyd.CheckWarning, "No zero-retention agreement")
	b.Places = append(b.Places, privacyd.Place{Name: "models", Kind: privacyd.PlaceLLM, Uses: []string{"llm.models"}, Country: "IE"})
	for _, agreed := range []*privacyd.Agreement{nil, {Document: "DPA-17", Since: b.Clock()}} {
		b.Egress.Providers[0].ZeroRetention = agreed
		r, err := b.Residency(t.Context(), b.Member(privacyd.RoleAgent, w), w.ID)
		if b.Must(err); len(r.Places[1].Terms) != 1 || (r.Places[1].Terms[0].Refused == "") != (agreed != nil) || len(r.Places[0].Terms) != 0 {
			t.Errorf("%+v", r.Places)
		}
	}
	b.Allowed = privacyd.Countries{privacyd.EEA, "US"}
	b.Egress.Providers[0].Country, b.Egress.Providers[0].URL = "US", &url.URL{Scheme: "https", Host: "api.openai.com"}
	checkDoctor(t, b, "llm.models", privacyd.CheckWarning, "has an endpoint in the EU")
	_, err := b.SetSubProcessor(t.Context(), enginetest.Operator, engine.NewSubProcessor{Engaged: true, SubProcessor: privacyd.SubProcessor{
		Name: "Example hosting GmbH", Purpose: "Servers", Country: "DE", Categories: []string{"all records"}, From: b.Clock(),
	}})
	b.Must(err)
	checkDoctor(t, b, "sub_processors", privacyd.CheckOK, "is in the register")
	r, err := b.Residency(t.Context(), b.Member(privacyd.RoleAgent, w), w.ID)
	b.Must(err)
	if diff := cmp.Diff(b.Places[0], r.Places[0].Place); diff != "" || len(r.Places[0].Seen) != 0 {
		t.Errorf("%+v: %s", r.Places[0], diff)
	}
}

// TestRestartWhileSilent starts anew while a bucket's provider cannot be asked:
// what it said last holds, unless the place or the bucket is another now.
func TestRestartWhileSilent(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p := newProvider(t, b)
		silent := func(place privacyd.Place, bucket string) *enginetest.Bench {
			p.Tell("")
			b.Pass(26 * time.Hour)
			next := b.Beside()
			gone := provider{&buckettest.Server{Address: strings.Replace(p.Address, p.Name, "gone", 1)}, next, bucket}
			next.Surveyor, next.Places = gone, []privacyd.Place{place}
			return next
		}
		fine := silent(b.Places[0], p.of)
		fine.Must(fine.Survey(t.Context()))
		checkDoctor(t, fine, "place.blobs.exports", privacyd.CheckWarning, "On 1 March 2026 it said eu-central-1, 1 day ago")
		if said := fine.Sightings()[0].String(); said != "its provider could not be asked; on 1 March 2026 it said eu-central-1" {
			t.Errorf("the page says %s", said)
		}
		moved := b.Places[0]
		moved.Country, moved.Region = "FR", "eu-west-3"
		b.WantCode(silent(moved, p.of).Survey(t.Context()), "place_moved")

		p.Tell("us-east-1")
		b.WantCode(b.Survey(t.Context()), "place_moved")
		for range 2 {
			b.WantCode(silent(b.Places[0], p.of).Survey(t.Context()), "place_moved")
		}
		if got := b.Audited(""); strings.Count(strings.Join(got, "\n"), "place.survey failed") != 2 {
			t.Errorf("the instance's log has %v, want place.survey for each thing found", got)
		}
		b.Must(silent(b.Places[0], "s3://another").Survey(t.Context()))
		there := b.Places[0]
		there.Country, there.Region = "US", "us-east-1"
		b.Must(silent(there, p.of).Survey(t.Context()))
		p.Tell("eu-central-1")
		b.Must(b.Survey(t.Context()))
		b.Must(silent(b.Places[0], p.of).Survey(t.Context()))
	})
}
