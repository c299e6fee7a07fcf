package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/auditlog"
)

// scopeOwner is the workspace's own key, or the instance's for what belongs to
// no workspace.
func scopeOwner(workspaceID string) auditlog.Owner { return auditlog.Owner{Log: workspaceID} }

func (e *Engine) reference(o auditlog.Owner) string { return e.Keys.Reference(o.Log, o.Kind, o.ID) }

// sealFor seals for an owner; what it is for keeps one sealed value from
// passing for another. Code key_shredded.
func (e *Engine) sealFor(ctx context.Context, o auditlog.Owner, what string, plain []byte) ([]byte, error) {
	sealed, erased, err := e.Keys.SealFor(ctx, e.reference(o), []byte("engine "+what), plain)
	if err == nil && erased {
		err = errErased()
	}
	if err != nil {
		return nil, fmt.Errorf("seal a %s: %w", what, err)
	}
	return sealed, nil
}

func (e *Engine) openFor(ctx context.Context, o auditlog.Owner, what string, sealed []byte) ([]byte, error) {
	return e.openBy(ctx, e.reference(o), what, sealed)
}

func (e *Engine) openBy(ctx context.Context, reference, what string, sealed []byte) ([]byte, error) {
	plain, erased, err := e.Keys.OpenFor(ctx, reference, []byte("engine "+what), sealed)
	if err == nil && erased {
		err = errErased()
	}
	if err != nil {
		return nil, fmt.Errorf("open a sealed %s: %w", what, err)
	}
	return plain, nil
}

func errErased() error {
	return privacyd.Errorf(privacyd.ClassNotFound, "erased", "This was erased.")
}

// sealSubject puts the reference and the sealed id of a job's subject beside
// it: the store keeps those and not the id. The key of a person who was erased
// and has come back is gone for good: the workspace's seals then.
func (e *Engine) sealSubject(ctx context.Context, job *privacyd.Job) error {
	if job.Subject == nil {
		return nil
	}
	owner := ownerOf(job.WorkspaceID, *job.Subject)
	sealed, err := e.sealFor(ctx, owner, "subject", []byte(job.Subject.ID))
	if privacyd.CodeOf(err) == "erased" {
		sealed, err = e.sealFor(ctx, scopeOwner(owner.Log), "subject", []byte(job.Subject.ID))
	}
	if err != nil {
		return err
	}
	job.SubjectRef, job.SubjectSealed = e.reference(owner), sealed
	return nil
}

// withSubject gives a job that was read its subject's id back. That of an
// erased person stays empty.
func (e *Engine) withSubject(ctx context.Context, job *privacyd.Job, err error) (*privacyd.Job, error) {
	if err != nil || job == nil || job.Subject == nil || len(job.SubjectSealed) == 0 {
		return job, err
	}
	id, err := e.openBy(ctx, job.SubjectRef, "subject", job.SubjectSealed)
	if privacyd.CodeOf(err) == "erased" {
		id, err = e.openFor(ctx, scopeOwner(job.WorkspaceID), "subject", job.SubjectSealed)
	}
	if err != nil {
		return job, nil //nolint:nilerr // the key is gone, as it should be
	}
	job.Subject.ID = string(id)
	return job, nil
}

// sealJSON seals a value as JSON.
func (e *Engine) sealJSON(ctx context.Context, o auditlog.Owner, what string, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode a %s: %w", what, err)
	}
	return e.sealFor(ctx, o, what, text)
}

func (e *Engine) openJSON(ctx context.Context, o auditlog.Owner, what string, sealed []byte, into any) error {
	text, err := e.openFor(ctx, o, what, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("decode a %s: %w", what, err)
	}
	return nil
}
