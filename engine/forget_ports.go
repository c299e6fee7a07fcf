package engine

import (
	"context"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// AuditErasures remembers of whom disclosures are being deleted.
type AuditErasures interface {
	BeginErasures(ctx context.Context, owners []string, intent string, at time.Time) error
	Erasures(ctx context.Context, owners []string) ([]privacyd.AuditErasure, error)
	OpenErasures(ctx context.Context, before time.Time, limit int) ([]privacyd.AuditErasure, error)
	LateErasures(ctx context.Context, limit int) ([]privacyd.AuditErasure, error)
	OpenErasuresOf(ctx context.Context, workspaceRef string, limit int) (owners []string, err error)
	EndErasures(ctx context.Context, owners []string, at time.Time) (ended int64, err error)
	DropErasures(ctx context.Context, before time.Time) error
	TruncateLog(ctx context.Context) (done bool, err error)
}

// Disclosed finds and deletes what the audit logs disclosed of owners.
type Disclosed interface {
	Disclosures(ctx context.Context, owners []string, limit int) ([]auditlog.Disclosed, error)
	DisclosuresIn(ctx context.Context, log string, owners []string, limit int) ([]auditlog.Disclosed, error)
	EraseDisclosures(ctx context.Context, which []auditlog.Disclosed) (gone []auditlog.Gone, err error)
	DisclosedOwners(ctx context.Context, workspaceRef string, limit int) ([]string, error)
	LogDisclosures(ctx context.Context, log, after string, limit int) ([]auditlog.Disclosed, error)
	InsertKnown(ctx context.Context, log string, list []privacyd.AuditKnown) error
	OwnersKnownAs(ctx context.Context, log string, as []string) (owners []string, err error)
	ForgetKnown(ctx context.Context, owners []string) error
}

// Shredder seals for persons and workspaces, known by reference, and destroys
// their keys for good.
type Shredder interface {
	Reference(workspace, kind, id string) string
	SealFor(ctx context.Context, reference string, aad, plaintext []byte) (sealed []byte, erased bool, err error)
	OpenFor(ctx context.Context, reference string, aad, sealed []byte) (plaintext []byte, erased bool, err error)
	ShredFor(ctx context.Context, references ...string) error
}
