package privacyd

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxAgreement is the longest text of an agreement, in bytes.
const MaxAgreement = 512 << 10

// ProcessingAgreement is one version of the data processing agreement (Art. 28(3) GDPR)
// that the operator offers. A version is never changed.
type ProcessingAgreement struct {
	Version     int       `json:"version"`        // from 1; 0: a draft that nobody can accept
	Text        string    `json:"text,omitempty"` // Markdown; left out of lists
	SHA256      string    `json:"sha256"`         // hex, of Text
	PublishedAt time.Time `json:"published_at,omitzero"`
}

// NewProcessingAgreement makes a draft of a text. Code agreement_invalid.
func NewProcessingAgreement(text string) (ProcessingAgreement, error) {
	text = strings.Trim(strings.ReplaceAll(text, "\r\n", "\n"), "\n") + "\n"
	odd := func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }
	if strings.TrimSpace(text) == "" || len(text) > MaxAgreement || !utf8.ValidString(text) || strings.ContainsFunc(text, odd) {
		return ProcessingAgreement{}, Errorf(ClassInvalid, "agreement_invalid", "An agreement is plain text or Markdown, in UTF-8, of at most 512 KiB.")
	}
	sum := sha256.Sum256([]byte(text))
	return ProcessingAgreement{Text: text, SHA256: hex.EncodeToString(sum[:])}, nil
}

// Acceptance is who accepted a version of the agreement for a workspace. It
// outlives the account that accepted it, without its name: what it proves is
// that the workspace's organisation has the contract that Art. 28(3) GDPR asks
// for, and who pressed the button is the audit log's to say while it may.
type Acceptance struct {
	WorkspaceID string    `json:"workspace_id"`
	Workspace   string    `json:"workspace,omitempty"` // its name, in the operator's list
	Version     int       `json:"version"`
	SHA256      string    `json:"sha256"` // of the text that was accepted
	At          time.Time `json:"accepted_at"`
	By          string    `json:"accepted_by"`    // account id; "deleted-account" once it is erased
	Name        string    `json:"name,omitempty"` // of that account as it accepted; erased with it
}

// Copy is the text of an accepted version with who accepted it at its end, for
// the workspace's files.
func (a ProcessingAgreement) Copy(workspace string, c Acceptance) string {
	name := c.Name
	if name == "" {
		name = "an admin whose account has been deleted"
	}
	return a.Text + "\n---\n\n## Acceptance\n\n" +
		"- For: " + workspace + "\n- By: " + name + "\n- On: " + c.At.UTC().Format("2 January 2006, 15:04:05 MST") + "\n- SHA-256 of version " + strconv.Itoa(c.Version) + " as it is downloaded alone: " + c.SHA256 + "\n"
}
