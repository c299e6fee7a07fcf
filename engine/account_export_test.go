package engine_test

import (
	"io"
	"mime/quotedprintable"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// written is what two accounts wrote in a workspace, and what they have to do.
const written = `{"collection":"contacts","record":{"id":"x1","name":"Xenia Ypsilon","email":"xenia@contacts.example"}}
{"collection":"conversations","record":{"id":"xv","contact_id":"x1","channel":"email","assignee_id":"jo@example.com"}}
{"collection":"messages","record":{"id":"xm1","conversation_id":"xv","direction":"inbound","body":"MARK-THEIRS"}}
{"collection":"messages","record":{"id":"xm2","conversation_id":"xv","direction":"outbound","author_id":"jo@example.com","body":"MARK-MINE for Xenia Ypsilon <xenia@contacts.example>","created_at":"2026-01-05T09:00:00Z"}}
{"collection":"messages","record":{"id":"xm3","conversation_id":"xv","direction":"note","author_id":"other@example.com","body":"MARK-OTHERS about Jo Doe"}}
{"collection":"tickets","record":{"id":"xt","title":"MARK-MINE ticket","reporter_id":"jo@example.com","assignee_id":"other@example.com"}}
{"collection":"attachments","record":{"id":"xa","record_type":"message","record_id":"xm2","filename":"for Xenia Ypsilon.txt","content_base64":"TUlORQ=="}}
{"collection":"attachments","record":{"id":"xb","record_type":"message","record_id":"xm1","filename":"theirs.txt","content_base64":"VEhFSVJT"}}
`

func anAccount(t *testing.T, b *enginetest.Bench) (jo privacyd.Caller, of []privacyd.Workspace) {
	t.Helper()
	_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: "jo@example.com", Name: "Jo Doe", Password: "correct horse battery"})
	b.Must(err)
	for _, slug := range []string{"acme", "globex"} {
		w := b.NewWorkspace(slug)
		_, err = b.AddMember(t.Context(), enginetest.Operator, w.ID, "jo@example.com", privacyd.RoleAgent)
		b.Must(err)
		_, err = b.Import(t.Context(), enginetest.Operator, w.ID, engine.ImportSource{Body: strings.NewReader(written)})
		b.Must(err)
		of = append(of, w)
	}
	jo, err = b.As(t.Context(), enginetest.Operator, "jo@example.com")
	b.Must(err)
	jo.Door, jo.IP = privacyd.DoorREST, "192.0.2.9"
	return jo, of
}

func ownArchive(t *testing.T, b *enginetest.Bench, c privacyd.Caller) *archive.Reader {
	t.Helper()
	job, created, err := b.ExportAccount(t.Context(), c)
	b.Must(err)
	again, twice, err := b.ExportAccount(t.Context(), c)
	b.Must(err)
	if !created || twice || again.ID != job.ID {
		t.Error("asking again made a second export")
	}
	b.Run()
	job, err = b.AccountExport(t.Context(), c, job.ID)
	b.Must(err)
	if job.State != privacyd.JobCompleted {
		t.Fatalf("the export is %s: %s %s", job.State, job.ErrorCode, job.ErrorMessage)
	}
	link, err := b.AccountDownloadLink(t.Context(), c, job.ID)
	b.Must(err)
	d, err := b.OpenAccountDownload(t.Context(), c, link)
	b.Must(err)
	return b.Read(d)
}

// texts gives the records of a collection as they are written.
func texts(t *testing.T, r *archive.Reader, collection string) (list []string) {
	t.Helper()
	for raw, err := range r.Records(collection) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(raw))
	}
	return list
}

func TestExportAccount(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		jo, workspaces := anAccount(t, b)
		r := ownArchive(t, b, jo)
		for collection, want := range map[string]int{
			"accounts": 1, "members": 2, "workspaces": 2, "messages": 2, "tickets": 2, "conversations": 2, "attachments": 2, "sessions": 0,
		} {
			if got := texts(t, r, collection); len(got) != want {
				t.Errorf("%s: %d records, want %d: %s", collection, len(got), want, got)
			}
		}
		all := strings.Join(slices.Concat(texts(t, r, "messages"), texts(t, r, "tickets"), texts(t, r, "conversations"), texts(t, r, "attachments")), "\n")
		for _, others := range []string{"MARK-THEIRS", "MARK-OTHERS", "Xenia", "xenia@", "theirs.txt", "email"} {
			if strings.Contains(all, others) {
				t.Errorf("the archive has %s: %s", others, all)
			}
		}
		for _, mine := range []string{"MARK-MINE for [another person] <[another person]>", "2026-01-05T09:00:00Z", `"assignee_id":null`, workspaces[0].ID, workspaces[1].ID} {
			if !strings.Contains(all, mine) {
				t.Errorf("the archive lacks %s: %s", mine, all)
			}
		}
		entries := strings.Join(texts(t, r, "audit_entries"), "\n")
		if !strings.Contains(entries, "subject_export.create") || !strings.Contains(entries, "member.add") || strings.Contains(entries, "contact:") {
			t.Errorf("audit entries: %s", entries)
		}
		masked := slices.IndexFunc(r.Manifest().Redactions, func(x archive.Redaction) bool {
			return x.Collection == "messages" && x.Field == "body" && x.Action == "masked" && x.Masked == 4 && x.Records == 2
		})
		if masked < 0 {
			t.Errorf("the manifest does not say what was masked: %+v", r.Manifest().Redactions)
		}
	})
}

// TestHolderIsToldOfTheExport has the mail server take what tells the holder of
// an account that the export of it is ready, with a link that opens it.
func TestHolderIsToldOfTheExport(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		p := sending(t, b)
		jo, _ := anAccount(t, b)
		job, _, err := b.ExportAccount(t.Context(), jo)
		b.Must(err)
		b.Run()
		letters, bodies := p.Received()
		if len(letters) != 1 || letters[0].Header.Get("Subject") != "The export of your data is ready" || letters[0].Header.Get("To") != "<jo@example.com>" {
			t.Fatalf("%v", p.arrived())
		}
		body, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(bodies[0])))
		b.Must(err)
		link := regexp.MustCompile(`https://privacy\.example\.com/account/exports/` + job.ID + `/archive\?expires=(\d+)&signature=(\w+)`).FindStringSubmatch(string(body))
		if link == nil {
			t.Fatalf("no link in\n%s", body)
		}
		seconds, err := strconv.ParseInt(link[1], 10, 64)
		b.Must(err)
		d, err := b.OpenAccountDownload(t.Context(), jo, engine.Link{JobID: job.ID, Expires: time.Unix(seconds, 0), Signature: link[2]})
		b.Must(err)
		b.Read(d)
		other, err := b.As(t.Context(), enginetest.Operator, "admin@acme.example.com")
		b.Must(err)
		_, err = b.OpenAccountDownload(t.Context(), other, engine.Link{JobID: job.ID, Expires: time.Unix(seconds, 0), Signature: link[2]})
		b.WantCode(err, "job_not_found")
	})
}

// TestHolderIsToldOfTheFailure fails the export of an account.
func TestHolderIsToldOfTheFailure(t *testing.T) {
	b := enginetest.NewSQLite(t)
	p := sending(t, b)
	jo, _ := anAccount(t, b)
	_, _, err := b.ExportAccount(t.Context(), jo)
	b.Must(err)
	b.Spool = func() (archive.Spool, error) {
		return nil, privacyd.Errorf(privacyd.ClassRefused, "test_refused", "It is refused.")
	}
	b.Run()
	if got := p.arrived(); !slices.Equal(got, []string{"The export of your data failed"}) {
		t.Errorf("%v", got)
	}
}

// TestExportAccountIsOnesOwn has nobody else near it, and works in the grace
// period.
func TestExportAccountIsOnesOwn(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		jo, workspaces := anAccount(t, b)
		plan, err := b.PreviewAccountDeletion(t.Context(), jo)
		b.Must(err)
		deletion, err := b.DeleteAccount(t.Context(), jo, privacyd.Confirmation{PlanHash: plan.Hash, Password: "correct horse battery"})
		b.Must(err)
		_ = ownArchive(t, b, jo)
		list, err := b.AccountExports(t.Context(), jo)
		b.Must(err)
		if len(list) != 1 {
			t.Fatalf("%d exports", len(list))
		}
		admin := b.Member(privacyd.RoleAdmin, workspaces[0])
		link, err := b.AccountDownloadLink(t.Context(), jo, list[0].ID)
		b.Must(err)
		_, err = b.OpenAccountDownload(t.Context(), admin, link)
		b.WantCode(err, "job_not_found")
		_, err = b.AccountExport(t.Context(), admin, list[0].ID)
		b.WantCode(err, "job_not_found")
		_, err = b.GetJob(t.Context(), admin, workspaces[0].ID, list[0].ID)
		b.WantCode(err, "job_not_found")
		_, _, err = b.ExportAccount(t.Context(), enginetest.Operator)
		b.WantCode(err, "own_account_only")
		_, _, err = b.ExportAccount(t.Context(), privacyd.Caller{})
		b.WantCode(err, "not_signed_in")
		link.Signature = strings.Repeat("0", len(link.Signature))
		_, err = b.OpenAccountDownload(t.Context(), jo, link)
		b.WantCode(err, "link_invalid")

		b.Pass(31 * 24 * time.Hour)
		b.Run()
		b.Run()
		job, err := b.Jobs.Job(t.Context(), deletion.ID)
		b.Must(err)
		if job.State != privacyd.JobCompleted {
			t.Fatalf("the deletion is %s: %s", job.State, job.ErrorMessage)
		}
		_, err = b.Exports.ExportFile(t.Context(), list[0].ID)
		b.WantCode(err, "export_not_found")
	})
}

// TestOthersAreMasked exports a contact whose conversation names another one.
func TestOthersAreMasked(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := b.NewWorkspace("acme")
		_, err := b.Import(t.Context(), enginetest.Operator, w.ID, engine.ImportSource{Body: strings.NewReader(written)})
		b.Must(err)
		who := firstContact(t, b, w)
		_, err = b.PutRecord(t.Context(), enginetest.Operator, w.ID, "conversations", "mine", []byte(`{"contact_id":"`+who+`"}`))
		b.Must(err)
		own, err := b.GetRecord(t.Context(), enginetest.Operator, w.ID, "contacts", who)
		b.Must(err)
		_, rest, _ := strings.Cut(string(own), `"name":"`)
		name, _, _ := strings.Cut(rest, `"`)
		_, err = b.PutRecord(t.Context(), enginetest.Operator, w.ID, "messages", "mixed",
			[]byte(`{"conversation_id":"mine","direction":"note","author_id":"other@example.com","body":"`+name+` knows Xenia Ypsilon, xenia@contacts.example"}`))
		b.Must(err)
		job := b.Export(enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectExport, Subject: aContact(who)})
		all := strings.Join(texts(t, b.OpenArchive(enginetest.Operator, w.ID, job.ID), "messages"), "\n")
		if !strings.Contains(all, name+" knows [another person], [another person]") {
			t.Errorf("messages: %s", all)
		}
		rows, err := b.ReviewList(t.Context(), enginetest.Operator, w.ID, job.ID, 0, 0)
		b.Must(err)
		if len(rows) == 0 || job.Result.Review != int64(len(rows)) || !slices.ContainsFunc(rows, func(r engine.ReviewRow) bool {
			return r.Collection == "messages" && r.Column == "body" && slices.Equal(r.Key, []string{w.ID, "mixed"})
		}) {
			t.Errorf("the list to look through: %+v", rows)
		}
		b.Pass(8 * 24 * time.Hour)
		b.Run()
		if rows, err = b.ReviewList(t.Context(), enginetest.Operator, w.ID, job.ID, 0, 0); err != nil || len(rows) > 0 {
			t.Errorf("after the export has expired: %+v, %v", rows, err)
		}
	})
}
