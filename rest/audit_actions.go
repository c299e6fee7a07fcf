package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// maxActionBytes is what a batch of product's actions may have: as many of the
// largest as a request should carry.
const maxActionBytes = 8 << 20

// ActionActor is who acted in the product.
type ActionActor struct {
	Kind  string `json:"kind" doc:"A kind of person that the data maps know (account, contact, …), or system, service, token or anonymous."`
	ID    string `json:"id,omitempty" doc:"The product's id; a person must have one."`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	IP    string `json:"ip,omitempty"`
}

// ActionTarget is what was acted on.
type ActionTarget struct {
	Type string `json:"type" doc:"A code such as invoice."`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// ActionChange is one value before and after.
type ActionChange struct {
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// NewAction is one of a product's own actions.
type NewAction struct {
	Key        string                  `json:"key,omitempty" doc:"Your own name for this entry: sent again, it is written once."`
	Action     string                  `json:"action" doc:"A code such as invoice.send; it is kept as app.invoice.send. Nothing personal: it stays readable for ever."`
	OccurredAt time.Time               `json:"occurred_at,omitzero" doc:"When it happened; now, where left out."`
	Outcome    privacyd.Outcome        `json:"outcome,omitempty" enum:"done,denied,failed,intent" default:"done"`
	Actor      ActionActor             `json:"actor"`
	Subject    *privacyd.Subject       `json:"subject,omitempty" doc:"The person whom it is about; where left out, the target if that is a person."`
	Target     ActionTarget            `json:"target,omitzero"`
	Changes    map[string]ActionChange `json:"changes,omitempty" doc:"Field to its value before and after, any JSON. Whoever is named in it by e-mail address is erased from it."`
	Dataset    string                  `json:"dataset,omitempty" doc:"Whose ids these are, where several datasets know accounts by ids of their own."`
}

type namedPerson struct {
	Body struct {
		Workspace string `json:"workspace,omitempty" doc:"In whose log, by slug or id; in all, where left out."`
		Kind      string `json:"kind,omitempty" doc:"As the entries have it; with id."`
		ID        string `json:"id,omitempty"`
		Email     string `json:"email,omitempty"`
		Dataset   string `json:"dataset,omitempty" doc:"Whose id it is, where several datasets know the kind."`
		Confirm   bool   `json:"confirm,omitempty" doc:"Forget; without it, only look."`
	}
}

type newActions struct {
	WorkspacePath
	IdempotencyKey string `header:"Idempotency-Key" doc:"Sent again under the same key, the batch is written once."`
	Body           struct {
		Entries []NewAction `json:"entries" doc:"1 to 1,000; all of them are written, or none."`
	}
}

type recordedActions struct {
	Status int
	Body   struct {
		Items []engine.RecordedAction `json:"items" doc:"In the order in which they were sent."`
	}
}

func (d *door) auditActions() {
	create := operation("create-audit-entries", http.MethodPost, auditPath, "Write a product's own actions into the log",
		"Admins, and tokens with audit.write. All entries are written or none; an error lists each bad one under entries.")
	create.DefaultStatus = http.StatusCreated
	create.MaxBodyBytes = maxActionBytes
	create.Errors = append(create.Errors, http.StatusConflict)
	huma.Register(d.api, create, d.createActions)
	huma.Register(d.api, operation("forget-person", http.MethodPost, "/v1/forgotten-persons", "Forget somebody whom only a product's own audit entries name",
		"The operator. Whoever has an account or records is forgotten when these are erased."),
		func(ctx context.Context, in *namedPerson) (*answer[engine.Forgotten], error) {
			done, err := d.engine.ForgetNamed(ctx, callerOf(ctx), engine.NamedPerson(in.Body))
			return &answer[engine.Forgotten]{done}, d.fail(err)
		})
}

func (d *door) createActions(ctx context.Context, in *newActions) (*recordedActions, error) {
	batch := engine.NewActions{IdempotencyKey: in.IdempotencyKey}
	for _, a := range in.Body.Entries {
		batch.Entries = append(batch.Entries, a.action())
	}
	done, err := d.engine.RecordActions(ctx, callerOf(ctx), in.Workspace, batch)
	if err != nil {
		return nil, d.failEntries(err)
	}
	out := &recordedActions{Status: http.StatusOK}
	out.Body.Items = done
	for _, a := range done {
		if !a.Existing {
			out.Status = http.StatusCreated
		}
	}
	return out, nil
}

func (a NewAction) action() engine.ProductAction {
	p := engine.ProductAction{
		Key: a.Key, Action: a.Action, OccurredAt: a.OccurredAt, Outcome: a.Outcome, Actor: engine.ProductActor(a.Actor),
		Subject: a.Subject, Target: engine.ProductTarget(a.Target), Dataset: a.Dataset,
	}
	if len(a.Changes) > 0 {
		p.Changes = make(map[string]engine.ProductChange, len(a.Changes))
	}
	for name, c := range a.Changes {
		p.Changes[name] = engine.ProductChange(c)
	}
	return p
}

// failEntries says of each bad entry of a batch what is wrong with it.
func (d *door) failEntries(err error) error {
	failed := d.fail(err)
	var problems engine.EntryProblems
	var p *Problem
	if errors.As(err, &problems) && errors.As(failed, &p) {
		p.Entries = problems
	}
	return failed
}
