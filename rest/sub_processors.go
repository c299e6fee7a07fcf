package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const subProcessorsPath = "/v1/sub-processors"

// NewSubProcessor asks for a new sub-processor, or for a new version of one.
type NewSubProcessor struct {
	ID         string   `json:"id,omitempty" doc:"Of the one that changes; left out for a new one."`
	Name       string   `json:"name"`
	Purpose    string   `json:"purpose"`
	Country    string   `json:"country" doc:"In which it works, as an ISO code."`
	Categories []string `json:"categories" doc:"Of data that it sees."`
	Basis      string   `json:"transfer_basis,omitempty" doc:"What a transfer out of the EEA rests on; needed there."`
	From       string   `json:"from,omitempty" doc:"A day or a time, 30 days ahead or later; in 30 days where left out."`
	Ended      bool     `json:"ended,omitempty" doc:"From then on it is engaged no more."`
	Engaged    bool     `json:"engaged,omitempty" doc:"It is engaged already, since the day of from: the register begins after the fact."`
}

// Registers lists sub-processors.
type Registers struct {
	Items []privacyd.Register `json:"items"`
}

// Objections lists objections to sub-processors.
type Objections struct {
	Items []privacyd.Objection `json:"items"`
}

type newSubProcessor struct{ Body NewSubProcessor }

type objectTo struct {
	WorkspacePath
	SubProcessor string `path:"sub_processor"`
}

func (d *door) subProcessors() {
	huma.Register(d.api, operation("list-sub-processors", http.MethodGet, subProcessorsPath, "List the sub-processors that are, will be and were", "Any caller; the page /legal/sub-processors is public."),
		func(ctx context.Context, _ *struct{}) (*answer[Registers], error) {
			list, err := d.engine.Register(ctx)
			return &answer[Registers]{Registers{list}}, d.fail(err)
		})
	huma.Register(d.api, created("set-sub-processor", subProcessorsPath, "Announce a sub-processor, a change of one, or its end", "The operator. Admins of all workspaces are told."), d.setSubProcessor)
	huma.Register(d.api, operation("list-all-objections", http.MethodGet, "/v1/objections", "List the objections of all workspaces", "The operator."),
		func(ctx context.Context, _ *struct{}) (*answer[Objections], error) {
			list, err := d.engine.AllObjections(ctx, callerOf(ctx))
			return &answer[Objections]{Objections{append([]privacyd.Objection{}, list...)}}, d.fail(err)
		})
	huma.Register(d.api, operation("list-objections", http.MethodGet, "/v1/workspaces/{workspace}/objections", "List a workspace's objections to sub-processors", "Members."),
		func(ctx context.Context, in *WorkspacePath) (*answer[Objections], error) {
			list, err := d.engine.Objections(ctx, callerOf(ctx), in.Workspace)
			return &answer[Objections]{Objections{append([]privacyd.Objection{}, list...)}}, d.fail(err)
		})
	huma.Register(d.api, created("object", "/v1/workspaces/{workspace}/sub-processors/{sub_processor}/object", "Object to a sub-processor", "Admins. The operator is told."),
		func(ctx context.Context, in *objectTo) (*answer[privacyd.Objection], error) {
			o, err := d.engine.ObjectTo(ctx, callerOf(ctx), in.Workspace, in.SubProcessor)
			return &answer[privacyd.Objection]{o}, d.fail(err)
		})
}

func (d *door) setSubProcessor(ctx context.Context, in *newSubProcessor) (*answer[privacyd.SubProcessor], error) {
	b := in.Body
	n := engine.NewSubProcessor{Engaged: b.Engaged, SubProcessor: privacyd.SubProcessor{
		ID: b.ID, Name: b.Name, Purpose: b.Purpose, Country: b.Country, Categories: b.Categories, Basis: b.Basis, Ended: b.Ended,
	}}
	from, err := privacyd.Moment(b.From)
	if err != nil {
		return nil, d.fail(privacyd.Errorf(privacyd.ClassInvalid, "from_invalid", "from is a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z."))
	}
	n.From = from
	p, err := d.engine.SetSubProcessor(ctx, callerOf(ctx), n)
	return &answer[privacyd.SubProcessor]{p}, d.fail(err)
}
