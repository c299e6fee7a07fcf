package privacyd_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd"
)

func receiptKey(fill byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{fill}, ed25519.SeedSize))
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// sampleReceipt has something of everything.
func sampleReceipt() privacyd.Receipt {
	confirmed, deadline, told := dayOne.Add(time.Hour), day(1), day(2)
	return privacyd.Receipt{
		ID: "019b0000-0000-7000-8000-000000000001", Issue: 1, WorkspaceID: "w", JobID: "j", Operation: privacyd.JobSubjectDeletion,
		SubjectKind: "contact", PlanHash: "5b1e", Maps: []privacyd.PlanMap{{Dataset: "records", Hash: "ab12"}},
		RequestedAt: dayOne, ConfirmedAt: &confirmed, StartedAt: confirmed, EndedAt: confirmed.Add(time.Minute), IssuedAt: day(1),
		Collections: []privacyd.ReceiptCollection{
			{Dataset: "records", Collection: "messages", Fate: privacyd.FateDelete, Before: 13, Done: 12, After: 1, Held: 1, Files: 3},
			{Dataset: "records", Collection: "comments", Fate: privacyd.FateNull, Mentions: true, Before: 1, Done: 1},
			{Dataset: "records", Collection: "notes", Fate: privacyd.FateReplace, Before: 2, Done: 2},
			{Dataset: "records", Collection: "invoices", Fate: privacyd.FateKeep, Before: 1, After: 1, Ground: privacyd.GroundLegalObligation, Until: "P10Y"},
			{Dataset: "records", Collection: "tickets", Fate: privacyd.FateDelete},
		},
		Holds:        []privacyd.ReceiptHold{{Type: privacyd.HoldConversation, Ground: privacyd.GroundLegalClaims, ReviewAt: day(365)}},
		Files:        privacyd.ReceiptFiles{State: privacyd.FilesMet, Queued: 3, Deleted: 2, Shared: 1, Deadline: &deadline, LastAt: &confirmed},
		Exports:      2,
		Recipients:   []privacyd.ReceiptRecipient{{Name: `Smith & "Söhne"`, ToldAt: &told}, {Name: "Mail Ltd"}},
		Verification: privacyd.ReceiptVerification{At: day(1), Result: privacyd.VerificationClean, Workspaces: 1, Collections: 11, Identifiers: []string{"email", "external_id"}, Review: 2},
		Restore:      &privacyd.ReceiptRestore{Sequence: 7, Until: day(90)},
		Audit:        privacyd.ReceiptAudit{Entry: "e1", Proof: "c2sp.org/tlog-proof@v1\nindex 1\n"},
	}
}

func signed(t testing.TB, r privacyd.Receipt) []byte {
	t.Helper()
	file, err := privacyd.SignReceipt(r, receiptKey(1))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReceiptRoundTrip(t *testing.T) {
	for name, r := range map[string]privacyd.Receipt{"everything": sampleReceipt(), "nothing": {}} {
		file := signed(t, r)
		got, err := privacyd.VerifyReceipt(file, public(receiptKey(1)))
		if err != nil {
			t.Fatal(err)
		}
		if got.Signature == nil || got.Signature.KeyID != privacyd.KeyID(public(receiptKey(1))) || got.Format != privacyd.ReceiptFormat {
			t.Errorf("%+v", got)
		}
		if again := signed(t, *got); !bytes.Equal(again, file) {
			t.Errorf("%s: signing what was read gives another file", name)
		}
		got.Signature, got.Format = nil, ""
		if name == "everything" {
			if diff := cmp.Diff(r, *got); diff != "" {
				t.Error(diff)
			}
		}
	}
}

func TestReceiptLayout(t *testing.T) {
	golden(t, "testdata/receipt/receipt.json", string(signed(t, sampleReceipt())))
}

// TestReceiptWithOtherWriters checks that only what a receipt says is signed,
// not how it is written down.
func TestReceiptWithOtherWriters(t *testing.T) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, signed(t, sampleReceipt())); err != nil {
		t.Fatal(err)
	}
	if _, err := privacyd.VerifyReceipt(compact.Bytes(), public(receiptKey(1))); err != nil {
		t.Error(err)
	}
}

// TestReceiptByHand builds what is signed as its documentation says.
func TestReceiptByHand(t *testing.T) {
	r := privacyd.Receipt{ID: "i", Maps: []privacyd.PlanMap{{Dataset: "ä\"\\", Hash: "h"}}}
	const message = "privacyd receipt v1\n" +
		`{"audit":{"entry":""},"collections":[],"ended_at":"0001-01-01T00:00:00Z","exports_expired":0,` +
		`"files":{"deleted":0,"queued":0,"state":""},"format":"privacyd-receipt-1","id":"i","issue":0,"issued_at":"0001-01-01T00:00:00Z",` +
		`"job_id":"","maps":[{"dataset":"ä\"\\","hash":"h"}],"operation":"","plan_hash":"","requested_at":"0001-01-01T00:00:00Z",` +
		`"started_at":"0001-01-01T00:00:00Z","verification":{"at":"0001-01-01T00:00:00Z","collections":0,"identifiers":[],` +
		`"residue":0,"result":"","review":0,"workspaces":0}}`
	var file struct {
		Signature privacyd.ReceiptSignature `json:"signature"`
	}
	if err := json.Unmarshal(signed(t, r), &file); err != nil {
		t.Fatal(err)
	}
	value, err := base64.StdEncoding.DecodeString(file.Signature.Value)
	if err != nil || !ed25519.Verify(public(receiptKey(1)), []byte(message), value) {
		t.Error("what is signed is not what the documentation says")
	}
}

func TestReceiptTampered(t *testing.T) {
	file := string(signed(t, sampleReceipt()))
	replaced := func(old, with string) string {
		if !strings.Contains(file, old) {
			t.Fatalf("%s is not in the receipt", old)
		}
		return strings.Replace(file, old, with, 1)
	}
	for _, c := range []struct{ name, file, code string }{
		{"a count", replaced(`"residue": 0`, `"residue": 1`), "receipt_altered"},
		{"a text", replaced("Mail Ltd", "Post Ltd"), "receipt_altered"},
		{"a member more", replaced(`"issue": 1,`, `"issue": 1, "more": 1,`), "receipt_altered"},
		{"a member less", replaced(`"exports_expired": 2,`, ``), "receipt_altered"},
		{"a member twice", replaced(`"issue": 1,`, `"issue": 2, "issue": 1,`), "receipt_malformed"},
		{"a fraction", replaced(`"issue": 1,`, `"issue": 1.0,`), "receipt_malformed"},
		{"a number too large", replaced(`"issue": 1,`, `"issue": 9007199254740992,`), "receipt_malformed"},
		{"null", replaced(`"issue": 1,`, `"issue": null,`), "receipt_malformed"},
		{"two receipts", file + file, "receipt_malformed"},
		{"cut short", file[:len(file)/2], "receipt_malformed"},
		{"not UTF-8", replaced("Mail Ltd", "Mail \xff"), "receipt_malformed"},
		{"an array", "[" + file + "]", "receipt_malformed"},
		{"nothing", "", "receipt_malformed"},
		{"too large", file + strings.Repeat(" ", privacyd.MaxReceipt), "receipt_malformed"},
		{"too deep", replaced(`"issue": 1,`, `"issue": `+strings.Repeat("[", 10)+strings.Repeat("]", 10)+`,`), "receipt_malformed"},
		{"another form", replaced("privacyd-receipt-1", "privacyd-receipt-2"), "receipt_format_unknown"},
		{"no signature", replaced(`"signature"`, `"signatures"`), "receipt_unsigned"},
		{"another algorithm", replaced(`"Ed25519"`, `"none"`), "receipt_malformed"},
		{"a short signature", replaced(`"value": "`, `"value": "AAAA", "x": "`), "receipt_malformed"},
	} {
		_, err := privacyd.VerifyReceipt([]byte(c.file), public(receiptKey(1)))
		if privacyd.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	_, err := privacyd.VerifyReceipt([]byte(file), public(receiptKey(2)))
	if privacyd.CodeOf(err) != "receipt_key_wrong" {
		t.Error(err)
	}
	if _, err := privacyd.VerifyReceipt([]byte(file), nil); privacyd.CodeOf(err) != "receipt_key_wrong" {
		t.Error(err)
	}
}

func TestReceiptTextsThatAreNotSigned(t *testing.T) {
	for _, text := range []string{"a\x00b", "a\tb", "a\u2028b", "a\x7fb"} {
		r := privacyd.Receipt{ID: text}
		if _, err := privacyd.SignReceipt(r, receiptKey(1)); err == nil {
			t.Errorf("%q was signed", text)
		}
	}
}

func TestReceiptSentences(t *testing.T) {
	residue := sampleReceipt()
	residue.Verification.Result, residue.Verification.Residue, residue.Verification.Review = privacyd.VerificationResidue, 1, 0
	residue.Operation, residue.Collections, residue.Recipients, residue.ConfirmedAt, residue.Restore = privacyd.JobRetentionRun, nil, nil, nil, nil
	residue.LogsNotCut = []string{"app"}
	residue.Audit.Proof, residue.Exports, residue.Files = "", 1, privacyd.ReceiptFiles{State: privacyd.FilesNone}
	for name, r := range map[string]privacyd.Receipt{"sentences": sampleReceipt(), "residue": residue} {
		golden(t, "testdata/receipt/"+name+".txt", r.Title()+"\n\n"+strings.Join(r.Sentences(), "\n")+"\n")
	}
	for _, state := range []privacyd.FilesState{privacyd.FilesPending, privacyd.FilesLate, privacyd.FilesOverdue} {
		r := sampleReceipt()
		r.Files.State = state
		if text := strings.Join(r.Sentences(), "\n"); strings.Contains(text, "no files") || !strings.Contains(text, "2 January 2026") {
			t.Errorf("%s: %s", state, text)
		}
	}
}

func TestFilesStateAt(t *testing.T) {
	deadline := day(1)
	for want, got := range map[privacyd.FilesState]privacyd.FilesState{
		privacyd.FilesNone:    privacyd.FilesStateAt(0, 0, deadline, time.Time{}, day(9)),
		privacyd.FilesPending: privacyd.FilesStateAt(2, 1, deadline, dayOne, deadline),
		privacyd.FilesOverdue: privacyd.FilesStateAt(2, 1, deadline, dayOne, deadline.Add(1)),
		privacyd.FilesMet:     privacyd.FilesStateAt(2, 2, deadline, deadline, day(9)),
		privacyd.FilesLate:    privacyd.FilesStateAt(2, 2, deadline, deadline.Add(1), day(9)),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// FuzzVerifyReceipt looks for a file that passes and says something else than
// what was signed.
func FuzzVerifyReceipt(f *testing.F) {
	file := signed(f, sampleReceipt())
	for _, seed := range []string{string(file), "{}", "[]", `{"format":"privacyd-receipt-1","signature":{}}`, "null", `{"a":1e5}`, `"`, `{"a":{"a":{"a":[[[]]]}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := privacyd.VerifyReceipt(b, public(receiptKey(1)))
		if err != nil {
			if privacyd.ClassOf(err) != privacyd.ClassInvalid {
				t.Fatalf("%v is of class %s", err, privacyd.ClassOf(err))
			}
			return
		}
		r.Signature = nil
		if again := signed(t, *r); !bytes.Equal(again, file) {
			t.Fatalf("passes and is another receipt: %q", b)
		}
	})
}
