package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/privacyd/privacyd"
)

// NewWorkspace asks for a workspace.
type NewWorkspace struct {
	Slug        string
	Name        string
	AdminEmail  string            // an account that becomes its admin; may be empty beside a product
	DatasetKeys map[string]string // dataset → its key of the workspace
}

// CreateWorkspace makes a workspace with its first admin. The operator only.
// Codes: slug_invalid, name_invalid, account_not_found, dataset_unknown,
// workspace_exists, dataset_key_taken. Audit: workspace.create, member.add.
func (e *Engine) CreateWorkspace(ctx context.Context, c privacyd.Caller, r NewWorkspace) (privacyd.Workspace, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionCreateWorkspace); err != nil {
		return privacyd.Workspace{}, err
	}
	w, err := e.prepareWorkspace(r)
	if err != nil {
		return privacyd.Workspace{}, err
	}
	auditID := ""
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		if auditID, err = e.insertWorkspace(ctx, c, w); err != nil || r.AdminEmail == "" {
			return err
		}
		_, auditID, err = e.addMember(ctx, c, w, r.AdminEmail, privacyd.RoleAdmin)
		return err
	})
	if err != nil {
		return w, err
	}
	w.Audit = e.settle(ctx, auditID)
	return w, nil
}

func (e *Engine) prepareWorkspace(r NewWorkspace) (privacyd.Workspace, error) {
	if !privacyd.ValidSlug(r.Slug) {
		return privacyd.Workspace{}, privacyd.Errorf(privacyd.ClassInvalid, "slug_invalid",
			"A slug has 1 to 63 lower-case letters, digits and hyphens, and begins and ends with a letter or digit.")
	}
	name, err := displayName(r.Name)
	if err != nil {
		return privacyd.Workspace{}, err
	}
	for dataset, key := range r.DatasetKeys {
		if err := e.checkDatasetKey(dataset, key); err != nil {
			return privacyd.Workspace{}, err
		}
	}
	id, err := newID()
	if err != nil {
		return privacyd.Workspace{}, err
	}
	return privacyd.Workspace{ID: id, Slug: r.Slug, Name: name, DatasetKeys: r.DatasetKeys, CreatedAt: e.Now()}, nil
}

func (e *Engine) checkDatasetKey(dataset, key string) error {
	for _, d := range e.Datasets {
		if d.Name == dataset && !d.Own {
			if len(key) > 200 {
				return privacyd.Errorf(privacyd.ClassInvalid, "dataset_key_invalid", "A dataset key has at most 200 bytes.")
			}
			return nil
		}
	}
	return privacyd.Errorf(privacyd.ClassInvalid, "dataset_unknown",
		"There is no dataset of this name. Datasets are named in the configuration file, under datasets.")
}

func (e *Engine) insertWorkspace(ctx context.Context, c privacyd.Caller, w privacyd.Workspace) (auditID string, err error) {
	auditID, err = e.record(ctx, privacyd.AuditEvent{
		WorkspaceID: w.ID, Caller: c, Action: string(privacyd.ActionCreateWorkspace), Outcome: privacyd.OutcomeDone,
		Target: privacyd.Target{Type: "workspace", ID: w.ID, Name: w.Name},
	})
	if err != nil {
		return "", err
	}
	return auditID, e.Workspaces.InsertWorkspace(ctx, w, auditID)
}

// AddMember gives an account a role in a workspace. Admins and the operator.
// Codes: role_invalid, account_not_found, member_exists. Audit: member.add.
func (e *Engine) AddMember(ctx context.Context, c privacyd.Caller, workspace, email string, role privacyd.Role) (m privacyd.Member, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionManageMembers)
	if err != nil {
		return m, err
	}
	auditID := ""
	err = e.Tx.InTx(ctx, func(ctx context.Context) error {
		m, auditID, err = e.addMember(ctx, c, g.Workspace, email, role)
		return err
	})
	if err != nil {
		return m, err
	}
	m.Audit = e.settle(ctx, auditID)
	return m, nil
}

func (e *Engine) addMember(ctx context.Context, c privacyd.Caller, w privacyd.Workspace, email string, role privacyd.Role) (m privacyd.Member, auditID string, err error) {
	if !role.Valid() {
		return m, "", privacyd.Errorf(privacyd.ClassInvalid, "role_invalid", "A role is admin, agent or auditor.")
	}
	normal, err := privacyd.NormalEmail(email)
	if err != nil {
		return m, "", err
	}
	a, _, err := e.Accounts.AccountByEmail(ctx, normal)
	if err != nil {
		return m, "", err
	}
	if !a.Invited {
		return m, "", errNotInvited()
	}
	auditID, err = e.record(ctx, privacyd.AuditEvent{
		WorkspaceID: w.ID, Caller: c, Action: "member.add", Outcome: privacyd.OutcomeDone, Target: accountTarget(a),
		Changes: map[string]privacyd.Change{"role": {After: role}},
	})
	if err != nil {
		return m, "", err
	}
	m = privacyd.Member{WorkspaceID: w.ID, AccountID: a.ID, Role: role, CreatedAt: e.Now()}
	return m, auditID, e.Workspaces.InsertMember(ctx, m, auditID)
}

// Workspace finds a workspace by id or slug and tells the caller's role in it:
// empty for tokens and the operator. Any member.
func (e *Engine) Workspace(ctx context.Context, c privacyd.Caller, ref string) (privacyd.Workspace, privacyd.Role, error) {
	g, err := e.authorise(ctx, c, ref, privacyd.ActionReadWorkspace)
	return g.Workspace, g.Role, err
}

// ListWorkspaces lists the caller's workspaces: all of them for the operator.
func (e *Engine) ListWorkspaces(ctx context.Context, c privacyd.Caller) ([]privacyd.Workspace, error) {
	switch c.Kind {
	case privacyd.CallerOperator, privacyd.CallerSystem:
		return e.Workspaces.Workspaces(ctx, "")
	case privacyd.CallerAccount:
		return e.Workspaces.Workspaces(ctx, c.AccountID)
	case privacyd.CallerToken:
		g, err := e.authorise(ctx, c, c.Token.WorkspaceID, privacyd.ActionReadWorkspace)
		if err != nil {
			return nil, err
		}
		return []privacyd.Workspace{g.Workspace}, nil
	default:
		return nil, errNotSignedIn()
	}
}

// SyncWorkspaces adopts every workspace that a product's datasets have and
// privacyd does not know yet. Datasets that have no table of them list none; code
// workspaces_unlisted where no dataset has one. The operator only. Audit:
// workspace.create each.
func (e *Engine) SyncWorkspaces(ctx context.Context, c privacyd.Caller) ([]privacyd.Workspace, error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionSyncWorkspaces); err != nil {
		return nil, err
	}
	var adopted []privacyd.Workspace
	var unlisted []Dataset
	listed := false
	for _, d := range e.Datasets {
		if d.Own {
			continue
		}
		if d.Graph.Map.Workspace.Collection == "" {
			unlisted = append(unlisted, d)
			continue
		}
		listed = true
		rows, err := d.Source.Workspaces(ctx, d.Graph)
		if err != nil {
			return adopted, fmt.Errorf("list workspaces of dataset %s: %w", d.Name, err)
		}
		for _, row := range rows {
			w, err := e.adoptWorkspace(ctx, c, d.Name, row.Key, row.Name)
			if err != nil {
				return adopted, err
			}
			if w != nil {
				adopted = append(adopted, *w)
			}
		}
	}
	if len(unlisted) > 0 && !listed {
		return nil, errUnlisted(unlisted[0])
	}
	return adopted, nil
}

func errUnlisted(d Dataset) error {
	return privacyd.Errorf(privacyd.ClassInvalid, "workspaces_unlisted",
		"Dataset %s names its workspaces by the column %s and has no table of them. Add each by hand: privacyd workspace create --slug SLUG --name NAME --dataset-key %s=KEY.",
		d.Name, d.Graph.Map.Workspace.Column, d.Name)
}

// SetDatasetKeys says by which keys datasets know a workspace; an empty key:
// the dataset has nothing of it. The operator only. Codes: dataset_unknown,
// dataset_key_taken. Audit: workspace.key.
func (e *Engine) SetDatasetKeys(ctx context.Context, c privacyd.Caller, ref string, keys map[string]string) error {
	if err := e.operatorOnly(ctx, c, privacyd.ActionCreateWorkspace); err != nil {
		return err
	}
	w, err := e.Workspaces.Workspace(ctx, ref)
	if err != nil {
		return err
	}
	event := privacyd.AuditEvent{
		WorkspaceID: w.ID, Caller: c, Action: "workspace.key", Outcome: privacyd.OutcomeDone,
		Target: privacyd.Target{Type: "workspace", ID: w.ID}, Changes: map[string]privacyd.Change{},
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		for dataset, key := range keys {
			if err := e.checkDatasetKey(dataset, key); err != nil {
				return err
			}
			if err := e.Workspaces.SetDatasetKey(ctx, w.ID, dataset, key); err != nil {
				return err
			}
			event.Changes[dataset] = privacyd.Change{Before: w.DatasetKeys[dataset], After: key}
		}
		_, err := e.record(ctx, event)
		return err
	})
}

func (e *Engine) adoptWorkspace(ctx context.Context, c privacyd.Caller, dataset, key, name string) (*privacyd.Workspace, error) {
	known, err := e.Workspaces.WorkspaceByDatasetKey(ctx, dataset, key)
	if err != nil || known {
		return nil, err
	}
	w, err := e.prepareWorkspace(NewWorkspace{
		Slug: slugFrom(dataset, key), Name: cleanName(name, dataset+" "+key), DatasetKeys: map[string]string{dataset: key},
	})
	if err != nil {
		return nil, err
	}
	return &w, e.Tx.InTx(ctx, func(ctx context.Context) error {
		_, err := e.insertWorkspace(ctx, c, w)
		return err
	})
}

// slugFrom makes a slug of a dataset's name and key: names change, keys do
// not. Where letters are lost on the way, a hash of the key keeps it apart.
func slugFrom(dataset, key string) string {
	const longest = 50
	text := dataset + "-" + key
	slug := slugLetters(text)
	if slug == text && len(slug) <= longest {
		return slug
	}
	sum := sha256.Sum256([]byte(text))
	return strings.Trim(slug[:min(len(slug), longest)], "-") + "-" + hex.EncodeToString(sum[:4])
}

// slugLetters keeps what a slug may have of a text.
func slugLetters(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9') {
			return r
		}
		return '-'
	}, strings.ToLower(text)), "-")
}

// cleanName makes a name that a dataset has one that can be shown.
func cleanName(name, fallback string) string {
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, "")))
	if name == "" {
		name = fallback
	}
	for len(name) > 200 {
		name = strings.ToValidUTF8(name[:200], "")
	}
	return name
}
