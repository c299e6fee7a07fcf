package engine_test

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// TestProductsFileForgets erases customers of a product whose database is an
// SQLite file: nothing of them is left in it or its log. Where the product goes
// on reading an older state the receipt says that its log could not be cut.
func TestProductsFileForgets(t *testing.T) {
	b := beside(t, sqldbtest.SQLite(t))
	w := newOrg(t, b, "acme")
	erase := func(who string) *privacyd.Receipt {
		job := asked(t, b, engine.NewJob{Workspace: w.ID, Type: privacyd.JobSubjectDeletion, Subject: &privacyd.Subject{Kind: "customer", ID: "acme-" + who}})
		b.Run()
		stored, err := b.Receipts.ReceiptOfJob(t.Context(), job.ID)
		b.Must(err)
		receipt, err := privacyd.VerifyReceipt(stored.File, b.PublicKey)
		b.Must(err)
		return receipt
	}
	if receipt := erase("a"); len(receipt.LogsNotCut) > 0 || hitsInFile(t, b.Product, "acme-a@example.org") > 0 {
		t.Errorf("it says %v and has %d hits", receipt.LogsNotCut, hitsInFile(t, b.Product, "acme-a@example.org"))
	}

	reading, err := b.Product.DB.BeginTx(t.Context(), nil)
	b.Must(err)
	defer reading.Rollback() //nolint:errcheck // it only reads
	var n int
	b.Must(reading.QueryRowContext(t.Context(), "SELECT count(*) FROM customers").Scan(&n))
	b.Tick = time.Second // it waits for the reader, some minutes
	receipt := erase("b")
	if !slices.Equal(receipt.LogsNotCut, []string{"app"}) || hitsInFile(t, b.Product, "acme-b@example.org") == 0 {
		t.Errorf("beside a reader it says %v and has %d hits", receipt.LogsNotCut, hitsInFile(t, b.Product, "acme-b@example.org"))
	}
}

func hitsInFile(t *testing.T, p *enginetest.Product, text string) (n int) {
	t.Helper()
	for _, file := range []string{p.Address, p.Address + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(raw, []byte(text))
	}
	return n
}
