package cli

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
	"github.com/privacyd/privacyd/client"
)

type receiptCmd struct {
	Show   receiptShowCmd   `cmd:"" help:"Show the receipt of an erasure, or write it to a file."`
	List   receiptListCmd   `cmd:"" help:"List receipts, newest first."`
	Verify receiptVerifyCmd `cmd:"" help:"Verify a receipt, offline, with nothing but the public key."`
}

type receiptShowCmd struct {
	jobFlags `embed:""`
	Out      string `help:"File to write the signed receipt to." placeholder:"FILE"`
	JSON     bool   `help:"Print the signed receipt as it is."`
}

func (c *receiptShowCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		file, err := api.Receipt(t.ctx, c.Workspace, c.ID)
		if err != nil {
			return err
		}
		if c.Out != "" {
			if err := os.WriteFile(c.Out, file, 0o600); err != nil {
				return explainDisk(err)
			}
			t.say("Wrote %s.", c.Out)
		}
		switch {
		case c.JSON:
			_, err = t.Stdout.Write(file)
			return err
		case c.Out != "":
			return nil
		}
		var r privacyd.Receipt
		if err := json.Unmarshal(file, &r); err != nil {
			return fmt.Errorf("read the receipt: %w", err)
		}
		return t.printReceipt(&r)
	})
}

func (t *terminal) printReceipt(r *privacyd.Receipt) error {
	_, err := fmt.Fprintf(t.Stdout, "%s\n%s\n", r.Title(), strings.Join(r.Sentences(), "\n"))
	return err
}

type receiptListCmd struct {
	Folder    `embed:""`
	Workspace string `help:"Workspace, by slug or id." required:""`
	Limit     int    `help:"At most so many." default:"50"`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *receiptListCmd) Run(t *terminal) error {
	return t.with(c.Folder, func(api *client.Client) error {
		receipts, err := upTo(c.Limit, func(cursor string, n int) ([]client.ReceiptInfo, string, error) {
			return api.Receipts(t.ctx, c.Workspace, cursor, n)
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return t.printJSON(list(receipts))
		}
		if len(receipts) == 0 {
			return t.none("receipts")
		}
		w := tabwriter.NewWriter(t.Stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "JOB\tISSUED\tISSUE")
		for _, r := range receipts {
			fmt.Fprintf(w, "%s\t%s\t%d\n", r.JobID, r.IssuedAt.UTC().Format(time.RFC3339), r.Issue)
		}
		return w.Flush()
	})
}

type receiptVerifyCmd struct {
	File string `arg:"" help:"Receipt."`
	Key  string `help:"Verifier key, or a file whose last line is one. audit key prints it; have it from somebody whom you trust." required:"" placeholder:"KEY|FILE"`
	JSON bool   `help:"Print one JSON object."`
}

// Help says more than one line can.
func (c *receiptVerifyCmd) Help() string {
	return "It needs no server and no data folder. Exit status: 0 verified, and with it that the audit log has the entry of the erasure; 4 the receipt is not what was " +
		"signed, was signed with another key, or is no receipt; 2 malformed key; 1 cannot be read."
}

// checked is what came of verifying a receipt.
type checked struct {
	OK      bool              `json:"ok"`
	Code    string            `json:"code,omitempty"`
	Message string            `json:"message,omitempty"`
	Proven  bool              `json:"proven"` // the audit log has its entry
	Receipt *privacyd.Receipt `json:"receipt,omitempty"`
}

func (c *receiptVerifyCmd) Run(t *terminal) error {
	key, err := readKey(c.Key)
	if err != nil {
		return err
	}
	file, err := readReceipt(c.File)
	if err != nil {
		return err
	}
	r, err := privacyd.VerifyReceipt(file, key)
	if err == nil {
		err = verifyEntry(t.ctx, r, key)
	}
	if err != nil {
		return c.found(t, err)
	}
	proven := r.Audit.Proof != ""
	if c.JSON {
		return t.printJSON(checked{OK: true, Proven: proven, Receipt: r})
	}
	if err := t.printReceipt(r); err != nil {
		return err
	}
	t.say("Verified: %s is what was signed.", filepath.Base(c.File))
	if !proven {
		t.say("It has no proof of its audit entry: it was issued before a checkpoint covered that. A later issue may have one.")
	}
	return nil
}

func readReceipt(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && info.Size() > privacyd.MaxReceipt {
		return make([]byte, privacyd.MaxReceipt+1), nil // it is none, whatever is in it
	}
	file, err := os.ReadFile(name)
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassUnavailable, "file_unreadable", "The receipt cannot be read: %w.", err)
	}
	return file, nil
}

// found tells what is wrong with a receipt.
func (c *receiptVerifyCmd) found(t *terminal, err error) error {
	if privacyd.CodeOf(err) == "internal" {
		return err
	}
	if c.JSON {
		if err := t.printJSON(checked{Code: privacyd.CodeOf(err), Message: privacyd.MessageOf(err)}); err != nil {
			return err
		}
	}
	t.say("NOT verified: %s (%s)", privacyd.MessageOf(err), privacyd.CodeOf(err))
	return exit(ExitFound)
}

// verifyEntry checks that the proof in a receipt is one of its own audit entry.
// Code receipt_proof_wrong.
func verifyEntry(ctx context.Context, r *privacyd.Receipt, key ed25519.PublicKey) error {
	if r.Audit.Proof == "" {
		return nil
	}
	wrong := privacyd.Errorf(privacyd.ClassInvalid, "receipt_proof_wrong",
		"The receipt's signature holds, but the proof in it is not one of its audit entry. Ask the instance that made it for another issue.")
	report, err := verify.Proof(ctx, bytes.NewReader([]byte(r.Audit.Proof)), verify.Options{Key: key})
	if err != nil || !report.OK() {
		return wrong.Because(err)
	}
	proof, err := auditlog.ParseProof([]byte(r.Audit.Proof))
	if err != nil {
		return wrong.Because(err)
	}
	leaf, err := auditlog.ParseLeaf(proof.Leaf)
	if err != nil || leaf.ID != r.Audit.Entry || leaf.Log != r.WorkspaceID || leaf.Action != string(r.Operation)+".erased" {
		return wrong.Because(err)
	}
	return nil
}
