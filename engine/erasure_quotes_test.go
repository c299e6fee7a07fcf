package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// put writes records, each given as collection/id and its JSON.
func put(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, records ...[2]string) {
	t.Helper()
	for _, r := range records {
		collection, id, _ := strings.Cut(r[0], "/")
		_, err := b.PutRecord(t.Context(), enginetest.Operator, w.ID, collection, id, []byte(r[1]))
		b.Must(err)
	}
}

func recordOf(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, at string) string {
	t.Helper()
	collection, id, _ := strings.Cut(at, "/")
	text, err := b.GetRecord(t.Context(), enginetest.Operator, w.ID, collection, id)
	if privacyd.CodeOf(err) == "record_not_found" {
		return ""
	}
	b.Must(err)
	return string(text)
}

// quoting makes a person and others whose rows quote her: parts of the
// knowledge base, and what the AI and a flow noted in somebody else's
// conversations, of which one is held.
func quoting(t *testing.T, b *enginetest.Bench) privacyd.Workspace {
	t.Helper()
	w := b.NewWorkspace("acme")
	const her = `her.own@example.net`
	put(t, b, w,
		[2]string{"contacts/her", `{"id":"her","name":"Her","email":"` + her + `"}`},
		[2]string{"contacts/him", `{"id":"him","name":"Him"}`},
		[2]string{"conversations/of-him", `{"id":"of-him","contact_id":"him","resolution":"merged with ` + her + `"}`},
		[2]string{"conversations/held", `{"id":"held","contact_id":"him"}`},
		[2]string{"messages/noted", `{"id":"noted","conversation_id":"of-him","direction":"ai","body":"Yes.","ai_metadata":{"from":["` + her + `"]}}`},
		[2]string{"messages/held", `{"id":"held","conversation_id":"held","direction":"ai","body":"No.","ai_metadata":{"from":"` + her + `"}}`},
		[2]string{"messages/told", `{"id":"told","conversation_id":"of-him","direction":"note","body":"Ask ` + her + `."}`},
		[2]string{"flow_runs/failed", `{"id":"failed","flow_id":"f-1","conversation_id":"of-him","error":"no mail to ` + strings.ToUpper(her) + `"}`},
		[2]string{"knowledge_chunks/other", `{"id":"other","source_id":"ks-1","position":9,"text":"Write to another.own@example.net."}`},
	)
	_, err := b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{
		Workspace: w.ID, Reason: "a claim",
		Target: privacyd.HoldTarget{Type: privacyd.HoldConversation, Dataset: "records", Collection: "conversations", Key: []string{w.ID, "held"}},
	})
	b.Must(err)
	return w
}

func chunks(n int) (list [][2]string) {
	for i := range n {
		id := fmt.Sprintf("quote-%d", i)
		list = append(list, [2]string{"knowledge_chunks/" + id, fmt.Sprintf(`{"id":%q,"source_id":"ks-1","position":%d,"text":"Returns: her.own@example.net, at once."}`, id, i)})
	}
	return list
}

// TestEraseWhatQuotes has rows go that are about nobody and quote the person,
// and blanks what others' rows quote of her.
func TestEraseWhatQuotes(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := quoting(t, b)
		r := engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("her")}
		without, err := b.PreviewJob(t.Context(), enginetest.Operator, r)
		b.Must(err)
		put(t, b, w, chunks(3)...)
		plan, err := b.PreviewJob(t.Context(), enginetest.Operator, r)
		b.Must(err)
		if !slices.Contains(plan.Sentences(), "3 rows of knowledge_chunks that quote this person are deleted.") {
			t.Errorf("the plan says: %q", plan.Sentences())
		}
		if plan.Hash != without.Hash {
			t.Error("the plan's hash depends on how many rows quote the person")
		}
		job := confirmed(t, b, r)
		if job.State != privacyd.JobCompleted || job.Result.Records["knowledge_chunks"] != 3 || job.Result.Review == 0 {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
		for at, want := range map[string]bool{
			"conversations/of-him": false, "messages/noted": false, "flow_runs/failed": false, "knowledge_chunks/quote-1": false,
			"messages/held": true, "messages/told": true,
		} {
			if text := recordOf(t, b, w, at); strings.Contains(strings.ToLower(text), "her.own@") != want {
				t.Errorf("%s: %s", at, text)
			}
		}
		for _, at := range []string{"conversations/of-him", "messages/noted", "flow_runs/failed", "knowledge_chunks/other", "knowledge_chunks/kc-1"} {
			if recordOf(t, b, w, at) == "" {
				t.Errorf("%s is gone", at)
			}
		}
		checkReceipt(t, b, job)
	})
}

// TestEraseManyQuotes has more rows quote the person than go in one round, and
// one written after the plan.
func TestEraseManyQuotes(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := quoting(t, b)
		put(t, b, w, chunks(1100)...)
		job := confirmed(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("her")})
		if job.State != privacyd.JobCompleted || job.Result.Records["knowledge_chunks"] != 1100 {
			t.Fatalf("the job is %s: %s %+v", job.State, job.ErrorMessage, job.Result)
		}
	})
}

// TestEraseWhatQuotesAnAccount looks in all workspaces, also where the account
// is not known.
func TestEraseWhatQuotesAnAccount(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w, other := b.NewWorkspace("acme"), b.NewWorkspace("globex")
		for _, ws := range []privacyd.Workspace{w, other} {
			put(t, b, ws,
				[2]string{"knowledge_chunks/it", `{"id":"it","source_id":"ks-1","position":1,"text":"Ask jo@example.net."}`},
				[2]string{"messages/m-0001", `{"id":"m-0001","conversation_id":"v-001","direction":"ai","body":"x","ai_metadata":{"by":"jo@example.net"}}`},
			)
		}
		leave(t, b, withPassword(t, b, w, "jo@example.net"))
		for _, ws := range []privacyd.Workspace{w, other} {
			if recordOf(t, b, ws, "knowledge_chunks/it") != "" {
				t.Errorf("%s: the part that quotes the account is there", ws.Slug)
			}
			if text := recordOf(t, b, ws, "messages/m-0001"); text == "" || strings.Contains(text, "jo@") {
				t.Errorf("%s: %s", ws.Slug, text)
			}
		}
	})
}

const aPassword = "correct horse battery"

// withPassword makes an account of a workspace's agent.
func withPassword(t *testing.T, b *enginetest.Bench, w privacyd.Workspace, email string) privacyd.Caller {
	t.Helper()
	_, err := b.CreateAccount(t.Context(), enginetest.Operator, engine.NewAccount{Email: email, Name: "Jo Doe", Password: aPassword})
	b.Must(err)
	_, err = b.AddMember(t.Context(), enginetest.Operator, w.ID, email, privacyd.RoleAgent)
	b.Must(err)
	c, err := b.As(t.Context(), enginetest.Operator, email)
	b.Must(err)
	return c
}

// leave deletes the caller's own account, to the end.
func leave(t *testing.T, b *enginetest.Bench, c privacyd.Caller) *privacyd.Job {
	t.Helper()
	plan, err := b.PreviewAccountDeletion(t.Context(), c)
	b.Must(err)
	job, err := b.DeleteAccount(t.Context(), c, privacyd.Confirmation{PlanHash: plan.Hash, Password: aPassword})
	b.Must(err)
	b.Pass(31 * 24 * time.Hour)
	b.Run()
	job, err = b.Jobs.Job(t.Context(), job.ID)
	b.Must(err)
	if job.State != privacyd.JobCompleted {
		t.Fatalf("the job is %s: %s %s", job.State, job.ErrorCode, job.ErrorMessage)
	}
	return job
}
