package engine_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
	"github.com/privacyd/privacyd/work"
)

// everyFault names the variable that has each effect go wrong. Without it some
// are left out, always the same.
const everyFault = "PRIVACYD_TEST_EVERY_FAULT"

// erasable is a kind of erasure, asked for in a workspace of its own.
type erasable struct {
	name string
	ask  func(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) *privacyd.Job
}

func erasables() []erasable {
	return []erasable{
		{"contact", func(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) *privacyd.Job {
			return asked(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("ann")})
		}},
		{"customer of a product", func(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) *privacyd.Job {
			who := &privacyd.Subject{Kind: "customer", ID: w.Slug + "-a"}
			return asked(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: who})
		}},
		{"bulk", func(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) *privacyd.Job {
			before := b.Clock().Add(-24 * time.Hour)
			return asked(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before})
		}},
		{"retention", func(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) *privacyd.Job {
			return patiently(b, func() (*privacyd.Job, error) { return b.RetainNow(t.Context(), enginetest.Operator, w.ID) })
		}},
		{"account", askAccount},
		{"workspace", func(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) *privacyd.Job {
			job := asked(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobWorkspaceDeletion})
			b.Pass(2 * time.Minute)
			return job
		}},
	}
}

// asked asks for an erasure and confirms its plan; nothing runs yet.
func asked(t *testing.T, b *enginetest.Bench, r engine.NewJob) *privacyd.Job {
	t.Helper()
	plan := patiently(b, func() (*privacyd.Plan, error) { return b.PreviewJob(t.Context(), enginetest.Operator, r) })
	r.Confirm = &privacyd.Confirmation{PlanHash: plan.Hash}
	return patiently(b, func() (*privacyd.Job, error) {
		job, _, err := b.CreateJob(t.Context(), enginetest.Operator, r)
		return job, err
	})
}

// patiently tries again while something is unreachable, as its message says:
// connections that another test has cut are found out one by one.
func patiently[T any](b *enginetest.Bench, act func() (T, error)) T {
	for range 20 {
		got, err := act()
		if privacyd.ClassOf(err) != privacyd.ClassUnavailable {
			b.Must(err)
			return got
		}
	}
	got, err := act()
	b.Must(err)
	return got
}

// askAccount has an account, which is also in the product's own table, delete
// itself at once.
func askAccount(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) *privacyd.Job {
	const password = "correct horse battery"
	email := "jo@" + w.Slug + ".example.org"
	_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: "Jo Doe", Password: password})
	b.Must(err)
	_, err = b.AddMember(t.Context(), enginetest.Operator, w.ID, email, privacyd.RoleAgent)
	b.Must(err)
	jo, err := b.As(t.Context(), enginetest.Operator, email)
	b.Must(err)
	b.Product.Hire(w.Slug, w.Slug+"-jo", email)
	b.Product.Exec("UPDATE chats SET agent = $1 WHERE org = $2", w.Slug+"-jo", w.Slug)
	plan := patiently(b, func() (*privacyd.Plan, error) { return b.PreviewAccountDeletion(t.Context(), jo) })
	patiently(b, func() (*privacyd.Job, error) {
		return b.DeleteAccount(t.Context(), jo, privacyd.Confirmation{PlanHash: plan.Hash, Password: password})
	})
	return patiently(b, func() (*privacyd.Job, error) { return b.DeleteAccountNow(t.Context(), jo, password) })
}

const dayOfChats = 1_735_689_600_000_000 // 2025-01-01, in microseconds

// beside wires an engine beside a product, whose erasures take many batches.
func beside(t *testing.T, db *sqldb.DB) *enginetest.Bench {
	b := enginetest.NewProduct(t, db)
	b.BatchRows, b.Tick, b.Engine.Grace = 2, time.Millisecond, time.Minute
	return b
}

// newOrg makes a workspace with contacts ann and ben of its own, and customers
// a and b in the product.
func newOrg(t *testing.T, b *enginetest.Bench, slug string) privacyd.Workspace {
	t.Helper()
	ctx := t.Context()
	b.Product.Fill(slug, dayOfChats)
	w, err := b.CreateWorkspace(ctx, enginetest.Operator, engine.NewWorkspace{Slug: slug, Name: slug, DatasetKeys: map[string]string{"app": slug}})
	b.Must(err)
	_, err = b.Import(ctx, enginetest.Operator, w.ID, engine.ImportSource{Body: strings.NewReader(orgRecords(slug))})
	b.Must(err)
	return w
}

// orgRecords are the contacts ann and ben with what belongs to them.
func orgRecords(slug string) string {
	var lines strings.Builder
	put := func(collection, format string, values ...any) {
		fmt.Fprintf(&lines, `{"collection":%q,"record":`+format+"}\n", append([]any{collection}, values...)...)
	}
	for _, who := range []string{"ann", "ben"} {
		put("contacts", `{"id":%q,"name":"The %s","email":"%s@%s.example.org"}`, who, who, who, slug)
		for c := range 2 {
			talk := fmt.Sprintf("%s-%d", who, c)
			put("conversations", `{"id":%q,"contact_id":%q,"status":"resolved","resolved_at":"2025-01-01T00:00:00Z"}`, talk, who)
			for m := range 2 {
				put("messages", `{"id":"%s-%d","conversation_id":%q,"direction":"inbound","author_id":%q,"body":"a message","created_at":"2025-01-01T00:00:00Z"}`,
					talk, m, talk, who)
			}
			put("attachments", `{"id":"%s-f","record_type":"message","record_id":"%s-0","filename":"f.txt","content_base64":"YQ=="}`, talk, talk)
		}
	}
	return lines.String()
}

// TestErasureSurvives has each effect of each kind of erasure go wrong in turn,
// in each way: in the end everything is as if none had.
func TestErasureSurvives(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		shift := 0
		if db.Dialect == sqldb.Postgres {
			shift = 41 // another effect than on SQLite
		}
		for k, kind := range erasables() {
			t.Run(kind.name, func(t *testing.T) {
				defer b.In(t)()
				want, effects := untouched(t, b, kind, k)
				for h, how := range []how{dies, fails, happened} {
					for _, at := range chosenFaults(effects, 5*k+17*h+shift) {
						t.Run(fmt.Sprintf("%s at %d", how, at), func(t *testing.T) { survives(t, b, kind, how, at, want) })
					}
				}
			})
		}
	})
}

// chosenFaults is one of the effects, another one for each kind and way, or all
// of them where that is asked for.
func chosenFaults(effects, turn int) (list []int) {
	if os.Getenv(everyFault) == "" {
		return []int{1 + turn%effects}
	}
	for at := 1; at <= effects; at++ {
		list = append(list, at)
	}
	return list
}

// ending is what must be the same however often something went wrong.
type ending struct {
	State    privacyd.JobState
	Error    string
	Result   privacyd.JobResult
	Progress privacyd.Progress
	Told     map[string]int // audit entries of the job, by action
	Begun    int64          // persons whose erasure from the audit logs was begun, and ended
	Ended    int64
	Marks    int // in the suppression ledger
	Issues   int // of the receipt
	Last     int // number of the last of them
	Counts   []privacyd.ReceiptCollection
	Files    privacyd.FilesState
	Left     map[string]int64 // rows of the workspace
	Uploads  int
}

// untouched is how an erasure ends when nothing goes wrong, and how many
// effects it has.
func untouched(t *testing.T, b *enginetest.Bench, kind erasable, k int) (ending, int) {
	t.Helper()
	w := newOrg(t, b, fmt.Sprintf("untouched-%d", k))
	prepareRetention(t, b, w)
	f := &effects{at: 1 << 30}
	job := kind.ask(t, b, w)
	runWatched(t, b, f, job)
	if f.n < 10 {
		t.Fatalf("there are only %d effects", f.n)
	}
	end := endingOf(t, b, w, job)
	if end.State != privacyd.JobCompleted || end.Issues != 1 {
		t.Fatalf("without a fault it ends so: %+v", end)
	}
	t.Logf("%d effects", f.n)
	return end, f.n
}

func survives(t *testing.T, b *enginetest.Bench, kind erasable, how how, at int, want ending) {
	defer b.In(t)()
	w := newOrg(t, b, fmt.Sprintf("%.4s-%d-%d", kind.name, len(how), at))
	prepareRetention(t, b, w)
	f := &effects{how: how, at: at}
	job := kind.ask(t, b, w)
	runWatched(t, b, f, job)
	endsSo(t, b, w, job, want)
}

func prepareRetention(t *testing.T, b *enginetest.Bench, w privacyd.Workspace) {
	t.Helper()
	b.Must(b.DB.InTx(t.Context(), func(ctx context.Context) error { // as if it had stood for long
		p := privacyd.Policy{WorkspaceID: w.ID, Version: 1, Days: 30, From: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), SetBy: "operator"}
		id, err := b.Audit.Append(ctx, auditlog.Record{Log: w.ID, Action: "retention.set", Outcome: "done"})
		if err != nil {
			return err
		}
		return b.Retention.InsertPolicy(ctx, p, id)
	}))
	s := privacyd.DefaultSettings()
	s.RetentionBrake = 100
	_, err := b.ChangeSettings(t.Context(), enginetest.Operator, w.ID, s)
	b.Must(err)
}

// runWatched runs a job and what follows from it in a process of which an effect
// goes wrong. When that dies another one goes on.
func runWatched(t *testing.T, b *enginetest.Bench, f *effects, job *privacyd.Job) {
	t.Helper()
	b.Pass(time.Second)
	node := b.Restart()
	f.watch(node)
	for kind, handle := range handlersOf(node) {
		node.Runner.Handle(kind, func(ctx context.Context, key string, l work.Lease) error {
			err := handle(ctx, key, l)
			if f.died() {
				runtime.Goexit() // and nothing is written down
			}
			return err
		}, 1)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		if err := node.Runner.RunUntilIdle(ctx, job.ID); err != nil {
			ended <- err
			return
		}
		ended <- node.Runner.RunUntilIdle(ctx)
	}()
	for running := true; running; {
		select {
		case err := <-ended:
			if running = false; err != nil && !f.died() {
				t.Error(err)
			}
		case <-time.After(10 * time.Millisecond):
			if node.Pass(time.Second); f.died() {
				stop()
			}
		}
	}
	b.Pass(node.Clock().Sub(b.Clock()))
	node.Stop()
	next := b.Restart()
	defer next.Stop()
	for range 2 {
		next.Run()
		next.Pass(20 * time.Minute) // for what is tried again
	}
	b.Pass(next.Clock().Sub(b.Clock()))
}

func handlersOf(b *enginetest.Bench) map[string]work.Handler {
	return map[string]work.Handler{
		engine.WorkErase: b.RunErasure, engine.WorkFiles: b.RunFiles, engine.WorkReceipt: b.RunReceipt,
		engine.WorkForgotten: b.RunForgotten, engine.WorkExpire: b.RunExpire,
	}
}

func endingOf(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, job *privacyd.Job) ending {
	t.Helper()
	ctx := t.Context()
	job, err := b.Jobs.Job(ctx, job.ID)
	b.Must(err)
	end := ending{
		State: job.State, Error: job.ErrorCode + " " + job.ErrorMessage, Progress: job.Progress,
		Told: map[string]int{}, Left: map[string]int64{}, Uploads: countFiles(t, b.Product.Uploads, w.Slug),
	}
	if job.Result != nil {
		end.Result = *job.Result
		end.Result.FilesDeadline, end.Result.ReceiptID = nil, ""
	}
	for o, err := range b.Audit.List(ctx, auditlog.Query{Log: job.WorkspaceID}) {
		b.Must(err)
		if o.ID < job.ID { // in the instance's log, of another one
			continue
		}
		if n, _ := o.Public["fact_persons"].(int64); o.Outcome == string(privacyd.OutcomeIntent) {
			end.Begun += n
		} else if o.Action == "audit.erase" {
			end.Ended += n
		}
		if o.Action == "workspace.clear" || strings.HasPrefix(o.Action, string(job.Type)) && !strings.HasSuffix(o.Action, ".resume") && !strings.HasSuffix(o.Action, ".receipt") {
			end.Told[o.Action]++
		}
	}
	for m, err := range b.Suppression.Since(ctx, 0) {
		b.Must(err)
		if m.JobID == job.ID {
			end.Marks++
		}
	}
	b.Must(b.DB.QueryRow(ctx, "SELECT count(*), coalesce(max(issue), 0) FROM receipts WHERE job_id = $1", job.ID).Scan(&end.Issues, &end.Last))
	if end.Issues > 0 {
		stored, err := b.Receipts.ReceiptOfJob(ctx, job.ID)
		b.Must(err)
		receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
		b.Must(err)
		end.Counts, end.Files = receipt.Collections, receipt.Files.State
	}
	for _, table := range []string{"contacts", "conversations", "messages", "attachments"} {
		end.Left[table] = rowsOf(t, b, table, "workspace_id", w.ID)
	}
	for table, where := range map[string]string{"customers": "org = '%s'", "chats": "org = '%s'", "lines": "chat LIKE '%s-%%'", "staff": "id LIKE '%s-%%'", "seats": "org = '%s'"} {
		end.Left["product's "+table] = int64(b.Product.Count(table, fmt.Sprintf(where, w.Slug)))
	}
	if n := rowsOf(t, b, "purges", "state <> 'deleted' AND job_id", job.ID) + rowsOf(t, b, "work_items", "state = 'dead' AND key", job.ID); n > 0 {
		t.Errorf("%d files or items of work are not done with", n)
	}
	if n := rowsOf(t, b, "erasure_runs", "job_id", job.ID); n > 0 {
		t.Error("the state of the run is left")
	}
	return end
}

func rowsOf(t *testing.T, b *enginetest.Bench, table, column, value string) (n int64) {
	t.Helper()
	b.Must(b.DB.QueryRow(t.Context(), "SELECT count(*) FROM "+table+" WHERE "+column+" = $1", value).Scan(&n))
	return n
}

// countFiles counts a product's files of a workspace.
func countFiles(t *testing.T, folder, slug string) (n int) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), slug+"-") && strings.HasSuffix(e.Name(), ".txt") {
			n++
		}
	}
	return n
}
