package engine_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestPlanSaysWhatGoes reads a plan as a person does: rows, files with their
// bytes, what quotes the person, what is held and that it cannot be undone.
func TestPlanSaysWhatGoes(t *testing.T) {
	enginetest.Each(t, func(t *testing.T, b *enginetest.Bench) {
		w := quoting(t, b)
		put(t, b, w, chunks(2)...)
		put(t, b, w,
			[2]string{"conversations/hers", `{"id":"hers","contact_id":"her"}`},
			[2]string{"conversations/kept", `{"id":"kept","contact_id":"her"}`},
			[2]string{"messages/hers", `{"id":"hers","conversation_id":"hers","direction":"inbound","body":"Hello"}`},
		)
		for id, content := range map[string]string{"one": strings.Repeat("1", 1500), "two": "22"} {
			_, err := b.Attach(t.Context(), enginetest.Operator, w.ID, engine.Attachment{ID: id, RecordType: "message", RecordID: "hers", Filename: "a"}, strings.NewReader(content))
			b.Must(err)
		}
		_, err := b.PlaceHold(t.Context(), enginetest.Operator, engine.NewHold{
			Workspace: w.ID, Reason: "a claim",
			Target: privacyd.HoldTarget{Type: privacyd.HoldConversation, Dataset: "records", Collection: "conversations", Key: []string{w.ID, "kept"}},
		})
		b.Must(err)
		plan, err := b.PreviewJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: aContact("her")})
		b.Must(err)
		for _, want := range []string{
			"This erases one contact and everything that belongs to them.",
			"2 rows of attachments are deleted, with 2 files (1.5 kB).",
			"1 row of conversations is deleted.", "1 row of conversations stays under a legal hold.",
			"1 row of contacts stays under a legal hold.",
			"2 rows of knowledge_chunks that quote this person are deleted.",
			"A legal hold on a conversation stands (legal claims, Art. 17(3)(e) GDPR); it is to be reviewed on 1 March 2027.",
			"Where rows about others quote this person in conversations.channel, conversations.resolution, conversations.priority, messages.ai_metadata, flow_runs.path and flow_runs.error, that is blanked.",
			"Rows go at once and files within 24 hours. It cannot be undone.",
		} {
			if !slices.Contains(plan.Sentences(), want) {
				t.Errorf("missing: %s\nin: %q", want, plan.Sentences())
			}
		}
		if n := plan.Totals(); n.Bytes != 1502 || n.Files != 2 {
			t.Errorf("totals: %+v", n)
		}
	})
}

// TestPlanTellsWhatMissingIndexesCost drops an index of a product: the plan
// reckons the rows that are read for want of it, once for each look and once
// for each row that a foreign key guards.
func TestPlanTellsWhatMissingIndexesCost(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		w := newOrg(t, b, "acme") // 12 lines; of a: 2 chats
		ask := engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "customer", ID: "acme-a"}}
		plan, err := b.PreviewJob(t.Context(), enginetest.Operator, ask)
		b.Must(err)
		if len(plan.Unindexed) > 0 || plan.Seconds > 0 {
			t.Errorf("with all indexes: %+v, %d s", plan.Unindexed, plan.Seconds)
		}
		hash, rows, seconds := plan.Hash, int64(12), int64(0)
		b.Product.Exec("DROP INDEX lines_chat")
		if db.Dialect == sqldb.Postgres {
			rows, seconds = 20_000_000, 50
			b.Product.Exec("UPDATE pg_class SET reltuples = 20000000 WHERE relname = 'lines'")
		}
		plan, err = b.PreviewJob(t.Context(), enginetest.Operator, ask)
		b.Must(err)
		if len(plan.Unindexed) != 1 || plan.Unindexed[0].Collection != "lines" || plan.Unindexed[0].RowsRead != 5*rows || plan.Seconds != seconds || plan.Hash != hash {
			t.Errorf("without one: %+v, %d s", plan.Unindexed, plan.Seconds)
		}
		before := b.Clock()
		plan, err = b.PreviewJob(t.Context(), enginetest.Operator, engine.NewJob{Workspace: w.ID, Type: privacyd.JobBulkDeletion, Before: &before})
		b.Must(err)
		if len(plan.Unindexed) != 1 || plan.Unindexed[0].RowsRead != 7*rows { // 4 chats
			t.Errorf("of conversations: %+v", plan.Unindexed)
		}
	})
}
