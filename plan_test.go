package privacyd_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/privacyd/privacyd"
)

// samplePlan has something of everything.
func samplePlan() *privacyd.Plan {
	return &privacyd.Plan{
		Hash: "5b1e", Type: privacyd.JobSubjectDeletion, WorkspaceID: "w", Subject: &privacyd.Subject{Kind: "contact", ID: "c1"},
		MadeAt: dayOne, ExpiresAt: dayOne.Add(privacyd.PlanLife),
		Maps: []privacyd.PlanMap{{Dataset: "records", Hash: "ab12"}},
		Collections: []privacyd.PlannedCollection{
			{Dataset: "records", Collection: "messages", Fate: privacyd.FateDelete, Rows: 12_345, Files: 3, Bytes: 1_234_567, Held: 1},
			{Dataset: "records", Collection: "comments", Fate: privacyd.FateNull, Mentions: true, Fields: []string{"author_id"}, Rows: 1},
			{Dataset: "records", Collection: "tickets", Fate: privacyd.FateNull, Mentions: true, Rows: 2},
			{Dataset: "records", Collection: "notes", Fate: privacyd.FateReplace, Fields: []string{"author", "title", "body"}, Rows: 2},
			{Dataset: "records", Collection: "invoices", Fate: privacyd.FateKeep, Ground: privacyd.GroundLegalObligation, Until: "P10Y6M", Rows: 1},
			{Dataset: "records", Collection: "files", Fate: privacyd.FateDelete},
			{Dataset: "records", Collection: "contacts", Fate: privacyd.FateDelete, Rows: 1},
		},
		Holds: []privacyd.PlanHold{{ID: "h1", Type: privacyd.HoldConversation, Ground: privacyd.GroundLegalClaims, ReviewAt: day(365)}},
		Unindexed: []privacyd.MissingIndex{{
			Dataset: "records", Collection: "messages", Statement: "CREATE INDEX CONCURRENTLY ON messages (conversation_id);", RowsRead: 8_123_456,
		}, {
			Dataset: "records", Collection: "comments", Statement: "CREATE INDEX CONCURRENTLY ON comments (record_id);",
		}},
		Seconds: 95, Notes: []string{"One earlier export holds this contact and expires with it."},
	}
}

func TestPlanSentences(t *testing.T) {
	blocked := &privacyd.Plan{
		Type: privacyd.JobAccountDeletion, WhollyHeld: true,
		Blockers: []privacyd.Blocker{{Code: "last_admin", Message: "The account is the last admin of the workspace acme.", Remedy: "Make another member an admin."}},
	}
	before := day(40)
	for name, p := range map[string]*privacyd.Plan{
		"everything": samplePlan(),
		"blocked":    blocked,
		"nothing":    {Type: privacyd.JobSubjectDeletion},
		"workspace":  {Type: privacyd.JobWorkspaceDeletion, Seconds: 7300, Grace: 30 * 86_400, Collections: []privacyd.PlannedCollection{{Collection: "contacts", Fate: privacyd.FateDelete, Rows: 1000}}},
		"bulk":       {Type: privacyd.JobBulkDeletion, Before: &before, Collections: []privacyd.PlannedCollection{{Collection: "conversations", Fate: privacyd.FateDelete, Rows: 7, Files: 1, Bytes: 999_950}}},
		"retention":  {Type: privacyd.JobRetentionRun, Seconds: 1, Collections: []privacyd.PlannedCollection{{Collection: "conversations", Fate: privacyd.FateKeep, Rows: 1, Until: "for ever"}}},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, "testdata/plan/"+name+".txt", strings.Join(p.Sentences(), "\n")+"\n")
		})
	}
}

func TestPlanJSON(t *testing.T) {
	text, err := json.MarshalIndent(samplePlan(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/plan/everything.json", string(text)+"\n")
}

func TestGrown(t *testing.T) {
	for _, c := range []struct {
		before, now int64
		want        bool
	}{
		{0, 10, false},
		{0, 11, true},
		{1000, 1010, false},
		{1000, 1011, true},
		{1099, 1109, false},
		{1100, 1111, false},
		{1100, 1112, true},
		{100_000, 101_000, false},
		{100_000, 101_001, true},
		{50, 0, false},
	} {
		if got := privacyd.Grown(c.before, c.now); got != c.want {
			t.Errorf("from %d to %d: %v", c.before, c.now, got)
		}
	}
}

func TestPlanStillAsShown(t *testing.T) {
	change := func(fn func(p *privacyd.Plan)) *privacyd.Plan {
		p := samplePlan()
		p.MadeAt = dayOne.Add(time.Hour)
		fn(p)
		return p
	}
	for _, c := range []struct {
		name string
		now  *privacyd.Plan
		code string
	}{
		{"the same", change(func(*privacyd.Plan) {}), ""},
		{"another hash", change(func(p *privacyd.Plan) { p.Hash = "x" }), "plan_changed"},
		{"a day later", change(func(p *privacyd.Plan) { p.MadeAt = day(1) }), "plan_expired"},
		{"a little more", change(func(p *privacyd.Plan) { p.Collections[6].Rows += 10 }), ""},
		{"more in a small collection", change(func(p *privacyd.Plan) { p.Collections[6].Rows += 11 }), "plan_grown"},
		{"more in a large one", change(func(p *privacyd.Plan) { p.Collections[0].Rows += 124 }), "plan_grown"},
		{"more files", change(func(p *privacyd.Plan) { p.Collections[0].Files += 11 }), "plan_grown"},
		{"a little more everywhere", change(func(p *privacyd.Plan) {
			for i := range p.Collections {
				p.Collections[i].Rows += 10
			}
			p.Collections[0].Rows += 105
		}), "plan_grown"},
		{"more kept", change(func(p *privacyd.Plan) { p.Collections[4].Rows += 100 }), ""},
		{"less", change(func(p *privacyd.Plan) { p.Collections = p.Collections[:1] }), ""},
		{"more holds", change(func(p *privacyd.Plan) { p.Holds = append(p.Holds, p.Holds[0]) }), ""},
	} {
		if got := privacyd.CodeOf(samplePlan().StillAsShown(c.now)); got != c.code {
			t.Errorf("%s: %q, want %q", c.name, got, c.code)
		}
	}
}

func TestPlanRunnable(t *testing.T) {
	for code, p := range map[string]*privacyd.Plan{
		"":             {},
		"plan_held":    {WhollyHeld: true},
		"plan_blocked": {WhollyHeld: true, Blockers: []privacyd.Blocker{{Message: "It is so.", Remedy: "Mend it."}}},
	} {
		if got := privacyd.CodeOf(p.Runnable()); got != code {
			t.Errorf("%q, want %q", got, code)
		}
	}
}

// someText draws parts that could run into each other.
func someText(t *rapid.T, name string) string {
	return rapid.StringMatching(`[a-c|\x00]{0,3}`).Draw(t, name)
}

func someBasis(t *rapid.T) privacyd.PlanBasis {
	b := privacyd.PlanBasis{Type: privacyd.JobType(someText(t, "type")), WorkspaceID: someText(t, "workspace")}
	for i := range rapid.IntRange(0, 3).Draw(t, "datasets") {
		b.Datasets = append(b.Datasets, privacyd.DatasetBasis{
			Dataset: string(rune('a' + i)), MapHash: someText(t, "map"), Steps: []byte(someText(t, "steps")),
			Roots: rapid.SliceOfN(rapid.StringMatching(`[a-c]{0,2}`), 0, 3).Draw(t, "roots"),
		})
	}
	return b
}

// saysTheSame compares two bases the plain way.
func saysTheSame(a, b privacyd.PlanBasis) bool {
	if a.Type != b.Type || a.WorkspaceID != b.WorkspaceID || len(a.Datasets) != len(b.Datasets) {
		return false
	}
	for i, x := range a.Datasets {
		y := b.Datasets[i]
		if x.Dataset != y.Dataset || x.MapHash != y.MapHash || string(x.Steps) != string(y.Steps) || !sameSet(x.Roots, y.Roots) {
			return false
		}
	}
	return true
}

func sameSet(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) }) &&
		!slices.ContainsFunc(b, func(s string) bool { return !slices.Contains(a, s) })
}

func TestPlanHashTellsPlansApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := someBasis(t), someBasis(t)
		if same := a.Hash() == b.Hash(); same != saysTheSame(a, b) {
			t.Fatalf("%+v and %+v: the same hash: %v", a, b, same)
		}
		turned := a
		turned.Datasets = slices.Clone(a.Datasets)
		slices.Reverse(turned.Datasets)
		if turned.Hash() != a.Hash() {
			t.Fatal("the order of datasets counts")
		}
		before := dayOne
		turned.Before = &before
		if turned.Hash() == a.Hash() {
			t.Fatal("the date of a bulk deletion does not count")
		}
	})
}

func TestPlanHashIsStable(t *testing.T) {
	b := privacyd.PlanBasis{
		Type: privacyd.JobSubjectDeletion, WorkspaceID: "w",
		Datasets: []privacyd.DatasetBasis{{Dataset: "records", MapHash: "ab", Steps: []byte("delete contacts"), Roots: []string{
			privacyd.RootIdentity([]byte("salt"), "records", "contacts", []string{"w", "c1"}),
		}}},
	}
	const want = "711b19ea5e25e43ca77259d4ed085970be681ef81fde21a8fa15ee14c0b20c2f"
	if got := b.Hash(); got != want {
		t.Errorf("%s: plans that people have seen could not be confirmed any more", got)
	}
	if privacyd.RootIdentity([]byte("salt"), "a", "b", []string{"cd"}) == privacyd.RootIdentity([]byte("salt"), "a", "b", []string{"c", "d"}) {
		t.Error("two rows have one identity")
	}
}
