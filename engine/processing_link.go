package engine

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

const processingLinkLife = time.Hour

// ProcessingPage is where a link to the operator's record of processing
// activities leads: the operator does not sign in.
func ProcessingPage(secret string) string { return "/legal/processing/" + secret }

// CreateProcessingLink makes the secret of a link to the page with the
// operator's record of processing activities. It is good for an hour. The
// operator. Audit: processing.link.
func (e *Engine) CreateProcessingLink(ctx context.Context, c privacyd.Caller) (secret string, expires time.Time, err error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionReadProcessing); err != nil {
		return "", expires, err
	}
	expires = e.Now().Add(processingLinkLife).Truncate(time.Second)
	at := strconv.FormatInt(expires.Unix(), 10)
	err = e.recordAlone(ctx, privacyd.AuditEvent{Caller: c, Action: "processing.link", Outcome: privacyd.OutcomeDone})
	return at + "-" + hex.EncodeToString(e.Signer.Sign(processingText(at))), expires, err
}

func processingText(expires string) []byte { return []byte("privacyd processing link\n" + expires) }

// LinkedProcessing makes the operator's record for whoever has a link to it.
// Codes: link_invalid, link_expired.
func (e *Engine) LinkedProcessing(ctx context.Context, secret string) (r privacyd.ProcessingRecord, err error) {
	at, signature, _ := strings.Cut(secret, "-")
	mac, err := hex.DecodeString(signature)
	seconds, notTime := strconv.ParseInt(at, 10, 64)
	switch {
	case err != nil || notTime != nil || !e.Signer.Verify(processingText(at), mac):
		return r, privacyd.Errorf(privacyd.ClassForbidden, "link_invalid", "This link is not whole, or not one of this server. Ask whoever runs it for another: privacyd processing link.")
	case !e.Now().Before(time.Unix(seconds, 0)):
		return r, privacyd.Errorf(privacyd.ClassForbidden, "link_expired", "This link is too old. Whoever runs the server makes another: privacyd processing link.")
	}
	return e.instanceProcessing(ctx)
}
