package engine

import (
	"context"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// AuditErasures is where disclosures are deleted, and where it is remembered
// of whom.
type AuditErasures interface {
	BeginErasures(ctx context.Context, owners []string, intent string, at time.Time) error
	Erasures(ctx context.Context, owners []string) ([]privacyd.AuditErasure, error)
	OpenErasures(ctx context.Context, before time.Time, limit int) ([]privacyd.AuditErasure, error)
	LateErasures(ctx context.Context, limit int) ([]privacyd.AuditErasure, error)
	EraseDisclosures(ctx context.Context, owners []string, limit int) (gone []auditlog.Position, left string, err error)
	EndErasures(ctx context.Context, owners []string, at time.Time) (ended int64, err error)
	DropErasures(ctx context.Context, before time.Time) error
	TruncateLog(ctx context.Context) (done bool, err error)
}

// Shredder destroys the keys of persons for good.
type Shredder interface {
	Reference(workspace, kind, id string) string
	ShredFor(ctx context.Context, references ...string) error
}
