package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/work"
)

// WorkKeys is the kind of work that brings a change of keys to its end. The key
// is workRoot and the generation, or a workspace's id (workInstance of the
// instance) and the version, with a slash between them.
const WorkKeys = "keys"

const (
	workRoot     = "root"
	workInstance = "instance"

	keysLook = time.Minute // how often it is looked whether a change can end
)

// KeyRing tells of keys and changes them. Each change may be repeated and comes
// to the same end.
type KeyRing interface {
	RootKey(ctx context.Context) (privacyd.RootKey, error)
	WorkspaceKey(ctx context.Context, workspaceID string) (privacyd.WorkspaceKey, error)
	Ciphers() []privacyd.Cipher
	RotateRoot(ctx context.Context, generation int, to string) error
	ReplaceRoot(ctx context.Context, generation int, to string) error
	RetireRoot(ctx context.Context) (done bool, err error)
	RotateWorkspace(ctx context.Context, workspaceID string, version int) error
	RetireWorkspace(ctx context.Context, workspaceID string) (done bool, err error)
}

// Describer tells how what lies under the engine encrypts: the database, and
// the connections to it and to others.
type Describer interface {
	Describe(ctx context.Context) ([]privacyd.Cipher, []privacyd.Connection, error)
}

// Encryption is how a workspace's data is encrypted, and how old its keys are.
type Encryption struct {
	Root        privacyd.RootKey      `json:"root_key"`
	Workspace   privacyd.WorkspaceKey `json:"workspace_key"`
	Ciphers     []privacyd.Cipher     `json:"ciphers"`
	Connections []privacyd.Connection `json:"connections"`
}

// Encryption tells how a workspace's data is encrypted, from the running
// system: what lies where, and on its way. Admins and auditors.
func (e *Engine) Encryption(ctx context.Context, c privacyd.Caller, workspace string) (n Encryption, err error) {
	g, err := e.authorise(ctx, c, workspace, privacyd.ActionReadEncryption)
	if err != nil {
		return n, err
	}
	if n.Root, err = e.Ring.RootKey(ctx); err != nil {
		return n, err
	}
	if n.Workspace, err = e.Ring.WorkspaceKey(ctx, g.Workspace.ID); err != nil {
		return n, err
	}
	n.Workspace.Slug = g.Workspace.Slug
	n.Ciphers, n.Connections = []privacyd.Cipher{}, []privacyd.Connection{}
	if e.Described != nil {
		if n.Ciphers, n.Connections, err = e.Described.Describe(ctx); err != nil {
			return n, err
		}
	}
	n.Ciphers = append(n.Ciphers, e.Ring.Ciphers()...)
	return n, nil
}

// KeyList is all keys but those of persons.
type KeyList struct {
	Root       privacyd.RootKey        `json:"root_key"`
	Instance   privacyd.WorkspaceKey   `json:"instance_key"`
	Workspaces []privacyd.WorkspaceKey `json:"workspace_keys"`
}

// ListKeys tells how old the root key, the instance's and the workspaces' keys
// are. The operator.
func (e *Engine) ListKeys(ctx context.Context, c privacyd.Caller) (l KeyList, err error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionManageKeys); err != nil {
		return l, err
	}
	l.Workspaces = []privacyd.WorkspaceKey{}
	if l.Root, err = e.Ring.RootKey(ctx); err != nil {
		return l, err
	}
	if l.Instance, err = e.Ring.WorkspaceKey(ctx, ""); err != nil {
		return l, err
	}
	workspaces, err := e.Workspaces.Workspaces(ctx, "")
	if err != nil {
		return l, err
	}
	for _, w := range workspaces {
		k, err := e.Ring.WorkspaceKey(ctx, w.ID)
		if privacyd.CodeOf(err) == "key_shredded" {
			continue
		}
		if err != nil {
			return l, err
		}
		k.Slug = w.Slug
		l.Workspaces = append(l.Workspaces, k)
	}
	return l, nil
}

// KeyChange says which keys to change.
type KeyChange struct {
	Root      bool
	To        string // where the new root key is to be kept: a file, or a key service's address; empty: as before
	Workspace string // whose key, by id or slug; empty: none
	All       bool   // the root key, the instance's own and those of all workspaces
	Abandon   bool   // the change of the root key that is on its way is given up, since its new key is lost; another is made
}

// RotateKeys changes keys while everything goes on, and gives the keys as they
// are then. The new root key is in use when it returns; workspaces' keys, and the
// end of the former keys, follow in the background. A change of the root key that
// is not over is brought on, and no other is begun unless it is given up. The
// operator. Codes: key_change_empty, key_rotation_running, key_change_none,
// key_not_lost, key_same, key_unwritable, workspace_not_found and those of the key
// service. Audit: key.rotate as intent and as done, in the instance's log or the
// workspace's, key.abandon, and key.retire for the end of a former root key.
func (e *Engine) RotateKeys(ctx context.Context, c privacyd.Caller, n KeyChange) (l KeyList, err error) {
	if err := e.operatorOnly(ctx, c, privacyd.ActionManageKeys); err != nil {
		return l, err
	}
	if !n.Root && !n.All && n.Workspace == "" || (n.To != "" || n.Abandon) && !n.Root && !n.All {
		return l, privacyd.Errorf(privacyd.ClassInvalid, "key_change_empty",
			"Say which keys to change: the root key, a workspace's, or all. Only of the root key can it be said where it goes, and only its change can be given up.")
	}
	if n.Root || n.All {
		if err := e.rotateRoot(ctx, c, n); err != nil {
			return l, err
		}
	}
	if err := e.rotateWorkspaces(ctx, c, n); err != nil {
		return l, err
	}
	return e.ListKeys(ctx, c)
}

// rotateWorkspaces queues the change of workspaces' keys.
func (e *Engine) rotateWorkspaces(ctx context.Context, c privacyd.Caller, n KeyChange) error {
	var ids []string
	switch {
	case n.All:
		list, err := e.Workspaces.Workspaces(ctx, "")
		if err != nil {
			return err
		}
		ids = append(ids, "")
		for _, w := range list {
			ids = append(ids, w.ID)
		}
	case n.Workspace != "":
		w, err := e.Workspaces.Workspace(ctx, n.Workspace)
		if err != nil {
			return err
		}
		ids = append(ids, w.ID)
	}
	for _, id := range ids {
		if err := e.rotateWorkspace(ctx, c, id); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) rotateWorkspace(ctx context.Context, c privacyd.Caller, id string) error {
	k, err := e.Ring.WorkspaceKey(ctx, id)
	if privacyd.CodeOf(err) == "key_shredded" || err == nil && k.Version == 0 {
		return nil // it is gone, or nothing was encrypted yet
	}
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		ev := workspaceKeyEvent(c, id, k.Version+1)
		ev.Outcome = privacyd.OutcomeIntent
		if _, err := e.record(ctx, ev); err != nil {
			return err
		}
		return e.Queue.Enqueue(ctx, work.Item{Kind: WorkKeys, Key: workOf(id) + "/" + strconv.Itoa(k.Version+1), At: e.Now()})
	})
}

func workOf(workspaceID string) string {
	if workspaceID == "" {
		return workInstance
	}
	return workspaceID
}

func workspaceKeyEvent(c privacyd.Caller, id string, version int) privacyd.AuditEvent {
	return privacyd.AuditEvent{
		WorkspaceID: id, Caller: c, Action: "key.rotate", Outcome: privacyd.OutcomeDone, Target: privacyd.Target{Type: "workspace_key"},
		Facts: map[string]int64{"version": int64(version)},
	}
}

// RunKeys is the handler of WorkKeys. It may run again at any time. What is in
// the way of a change often takes somebody to mend it: it is looked at again and
// again, and no command waits for that.
func (e *Engine) RunKeys(ctx context.Context, key string, lease work.Lease) error {
	if err := lease.Check(ctx); err != nil {
		return err
	}
	id, number, _ := strings.Cut(key, "/")
	version, err := strconv.Atoi(number)
	if err != nil {
		return fmt.Errorf("read which key to change: %w", err)
	}
	err = e.runKey(ctx, id, version)
	if err == nil || ctx.Err() != nil || lease.Check(ctx) != nil {
		return err
	}
	e.Log.ErrorContext(ctx, "a change of keys cannot go on, and is looked at again", "key", key, "error", err)
	return e.lookAgain(ctx, key, nil)
}

func (e *Engine) runKey(ctx context.Context, id string, version int) error {
	switch id {
	case workRoot:
		return e.runRoot(ctx, version)
	case workInstance:
		id = ""
	}
	return e.runWorkspaceKey(ctx, id, version)
}

func (e *Engine) runWorkspaceKey(ctx context.Context, id string, version int) error {
	err := e.Ring.RotateWorkspace(ctx, id, version)
	if privacyd.CodeOf(err) == "key_shredded" {
		return e.recordShredded(ctx, id, version)
	}
	if err != nil {
		return err
	}
	if done, err := e.Ring.RetireWorkspace(ctx, id); err != nil || !done {
		return e.lookAgain(ctx, workOf(id)+"/"+strconv.Itoa(version), err)
	}
	return e.recordAlone(ctx, workspaceKeyEvent(privacyd.System("key.rotate"), id, version))
}

// recordShredded says that a change of keys ended because the workspace was
// deleted meanwhile: in the instance's log where the workspace's own is frozen.
func (e *Engine) recordShredded(ctx context.Context, id string, version int) error {
	ev := workspaceKeyEvent(privacyd.System("key.rotate"), id, version)
	ev.Outcome, ev.Code = privacyd.OutcomeFailed, "key_shredded"
	state, _, err := e.States.WorkspaceState(ctx, id)
	if err != nil {
		return err
	}
	if state == privacyd.WorkspaceDeleted {
		ev.WorkspaceID = ""
	}
	return e.recordAlone(ctx, ev)
}

// lookAgain has the same piece of work done later. It is not tried again, which
// a command would wait for: nothing failed.
func (e *Engine) lookAgain(ctx context.Context, key string, err error) error {
	if err != nil {
		return err
	}
	return e.Tx.InTx(ctx, func(ctx context.Context) error {
		return e.Queue.Enqueue(ctx, work.Item{Kind: WorkKeys, Key: key, At: e.Now().Add(keysLook)})
	})
}
