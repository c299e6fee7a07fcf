package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/privacyd/privacyd"
)

// pendingHeader is in the answer to an export that may lack the newest entries.
const pendingHeader = "Privacyd-Audit-Pending"

// damagedTrailer follows an export with how many of its entries are damaged.
const damagedTrailer = "Privacyd-Audit-Damaged"

// AuditFilter narrows a list or an export. The zero value is everything.
type AuditFilter struct {
	From, Until time.Time // From included, Until not
	Action      string
	Actor       string // name, e-mail, id or kind; case does not count
	Target      string // type, id, or the person it is about as kind:id
}

func (f AuditFilter) query(path string, more ...string) string {
	return withQuery(path, append(more, "from", timeText(f.From), "until", timeText(f.Until), "action", f.Action, "actor", f.Actor, "target", f.Target)...)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// auditOf is the path of something of a workspace's log; the empty workspace
// is the instance's own log.
func auditOf(workspace, what string, parts ...string) string {
	if workspace != "" {
		return in(workspace, append([]string{what}, parts...)...)
	}
	path := "/v1/" + what
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}

// AuditEntries lists a workspace's audit entries, newest first; the empty
// workspace is the instance's own log. A page may have fewer entries than limit
// and still not be the last.
func (c *Client) AuditEntries(ctx context.Context, workspace string, f AuditFilter, cursor string, limit int) (entries []privacyd.AuditEntry, next string, err error) {
	var out struct {
		Items      []privacyd.AuditEntry `json:"items"`
		NextCursor string                `json:"next_cursor"`
	}
	path := f.query(auditOf(workspace, "audit-entries"), "cursor", cursor, "limit", strconv.Itoa(limit))
	err = c.request(ctx, http.MethodGet, path, nil, &out)
	return out.Items, out.NextCursor, err
}

// AuditExported is what came of exporting a log.
type AuditExported struct {
	Pending bool  // the newest entries may be missing: no signed checkpoint covers them yet
	Damaged int64 // entries that are not there or not whole: verification names them
}

// ExportAudit writes a log to w: csv, json with one entry a line, or tiles as
// a tar stream. limit is of a csv alone; 0: all.
func (c *Client) ExportAudit(ctx context.Context, workspace, format string, f AuditFilter, limit int, w io.Writer) (x AuditExported, err error) {
	most := ""
	if limit > 0 {
		most = strconv.Itoa(limit)
	}
	res, err := c.send(ctx, http.MethodGet, f.query(auditOf(workspace, "audit-entries", "export"), "format", format, "limit", most), nil)
	if err != nil {
		return x, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	if _, err := io.Copy(w, res.Body); err != nil {
		return x, fmt.Errorf("export audit log: %w", err)
	}
	x.Pending = res.Header.Get(pendingHeader) == "true"
	if text := res.Trailer.Get(damagedTrailer); text != "" {
		if x.Damaged, err = strconv.ParseInt(text, 10, 64); err != nil {
			return x, fmt.Errorf("export audit log: %w", err)
		}
	}
	return x, nil
}

// AuditLog is how far a log's tree is.
type AuditLog struct {
	Log        string       `json:"log"`
	Key        string       `json:"key"` // a verifier key
	Epochs     []AuditEpoch `json:"epochs"`
	Pending    bool         `json:"pending"`
	LagSeconds float64      `json:"lag_seconds"`
	Waiting    *int64       `json:"waiting,omitempty"` // the operator alone
}

// AuditEpoch is one epoch of a log's tree.
type AuditEpoch struct {
	Epoch      int       `json:"epoch"`
	Origin     string    `json:"origin"`
	Size       int64     `json:"size"`
	Root       string    `json:"root"`       // base64
	Checkpoint string    `json:"checkpoint"` // a signed note
	SignedAt   time.Time `json:"signed_at"`
}

// AuditLog tells how far a workspace's log is; the empty workspace is the
// instance's own.
func (c *Client) AuditLog(ctx context.Context, workspace string) (l AuditLog, err error) {
	return l, c.request(ctx, http.MethodGet, auditOf(workspace, "audit-log"), nil, &l)
}

// ProveAudit gives the proof that an entry is in a log (C2SP tlog-proof).
func (c *Client) ProveAudit(ctx context.Context, workspace, entry string) ([]byte, error) {
	res, err := c.send(ctx, http.MethodGet, auditOf(workspace, "audit-entries", entry, "proof"), nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	const longest = 32 << 20
	proof, err := io.ReadAll(io.LimitReader(res.Body, longest))
	if err != nil {
		return nil, fmt.Errorf("read a proof: %w", err)
	}
	return proof, nil
}

// Action is one of a product's own actions.
type Action struct {
	Key        string                  `json:"key,omitempty"` // sent again, it is written once
	Action     string                  `json:"action"`        // a code; nothing personal
	OccurredAt time.Time               `json:"occurred_at,omitzero"`
	Outcome    privacyd.Outcome        `json:"outcome,omitempty"`
	Actor      ActionActor             `json:"actor"`
	Subject    *privacyd.Subject       `json:"subject,omitempty"`
	Target     ActionTarget            `json:"target,omitzero"`
	Changes    map[string]ActionChange `json:"changes,omitempty"`
	Dataset    string                  `json:"dataset,omitempty"` // whose ids these are, where several know accounts
}

// NamedPerson is somebody whom a product's entries name.
type NamedPerson struct {
	Workspace string `json:"workspace,omitempty"` // empty: in all logs
	Kind      string `json:"kind,omitempty"`
	ID        string `json:"id,omitempty"`
	Email     string `json:"email,omitempty"`
	Dataset   string `json:"dataset,omitempty"`
	Confirm   bool   `json:"confirm"` // false: only look
}

// Forgotten is what the audit log disclosed of somebody.
type Forgotten struct {
	Found     int64 `json:"found"` // sealed parts of entries
	Forgotten bool  `json:"forgotten"`
	Pending   bool  `json:"pending,omitempty"`
}

// ForgetNamed erases from the audit log what a product's entries tell of
// somebody whom neither records nor accounts know. The operator only.
func (c *Client) ForgetNamed(ctx context.Context, p NamedPerson) (f Forgotten, err error) {
	return f, c.request(ctx, http.MethodPost, "/v1/forgotten-persons", p, &f)
}

// ActionActor is who acted.
type ActionActor struct {
	Kind  string `json:"kind"`
	ID    string `json:"id,omitempty"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	IP    string `json:"ip,omitempty"`
}

// ActionTarget is what was acted on.
type ActionTarget struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// ActionChange is one value before and after, any JSON.
type ActionChange struct {
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// Recorded is an entry that an action became.
type Recorded struct {
	ID       string `json:"id"`
	Existing bool   `json:"existing,omitempty"` // from an earlier request with the same key
}

// WriteActions writes a product's own actions into a workspace's log, all of
// them or none. With a key, sending the same again writes nothing twice.
func (c *Client) WriteActions(ctx context.Context, workspace, idempotencyKey string, actions []Action) ([]Recorded, error) {
	var out struct {
		Items []Recorded `json:"items"`
	}
	var headers []string
	if idempotencyKey != "" {
		headers = []string{"Idempotency-Key", idempotencyKey}
	}
	body := map[string]any{"entries": actions}
	err := c.request(ctx, http.MethodPost, in(workspace, "audit-entries"), body, &out, headers...)
	return out.Items, err
}
