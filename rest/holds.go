package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

const holdsPath = "/v1/workspaces/{workspace}/holds"

// NewHold asks for a legal hold.
type NewHold struct {
	Target   privacyd.HoldTarget `json:"target" doc:"A subject by kind and id, a conversation by its key (its id alone where there is one dataset), or the workspace."`
	Ground   privacyd.Ground     `json:"ground,omitempty" enum:"freedom_of_expression,legal_obligation,public_health,archiving,legal_claims" doc:"Of Art. 17(3) GDPR; legal_claims where left out."`
	Reason   string              `json:"reason" doc:"For those who review it; kept sealed."`
	ReviewAt string              `json:"review_at,omitempty" doc:"A day or a time; in a year where left out."`
}

// Release lifts holds.
type Release struct {
	Reason string `json:"reason,omitempty"`
}

// ReleaseTarget lifts every hold on a target.
type ReleaseTarget struct {
	Target privacyd.HoldTarget `json:"target"`
	Reason string              `json:"reason,omitempty"`
}

// Holds is a page of holds, newest first.
type Holds struct {
	Items      []*privacyd.Hold `json:"items"`
	NextCursor string           `json:"next_cursor,omitempty"`
}

type newHold struct {
	WorkspacePath
	Body NewHold
}

type releaseHold struct {
	WorkspacePath
	Hold string `path:"hold"`
	Body Release
}

type releaseTarget struct {
	WorkspacePath
	Body ReleaseTarget
}

func (d *door) holds() {
	huma.Register(d.api, created("place-hold", holdsPath, "Place a legal hold", "Admins. From now on nothing that it covers is erased."), d.placeHold)
	huma.Register(d.api, operation("list-holds", http.MethodGet, holdsPath, "List legal holds, also those that were released", "Admins."), d.listHolds)
	huma.Register(d.api, refusable(operation("release-hold", http.MethodPost, holdsPath+"/{hold}/release", "Release a legal hold",
		"Admins. Jobs that waited for it go on.")),
		func(ctx context.Context, in *releaseHold) (*answer[*privacyd.Hold], error) {
			h, err := d.engine.ReleaseHold(ctx, callerOf(ctx), in.Workspace, in.Hold, in.Body.Reason)
			return &answer[*privacyd.Hold]{h}, d.fail(err)
		})
	huma.Register(d.api, operation("release-holds", http.MethodPost, holdsPath+"/release", "Release every legal hold on a target", "Admins."),
		func(ctx context.Context, in *releaseTarget) (*answer[Holds], error) {
			list, err := d.engine.ReleaseHoldsOn(ctx, callerOf(ctx), in.Workspace, in.Body.Target, in.Body.Reason)
			return &answer[Holds]{Holds{Items: append([]*privacyd.Hold{}, list...)}}, d.fail(err)
		})
}

func (d *door) placeHold(ctx context.Context, in *newHold) (*answer[*privacyd.Hold], error) {
	review, err := privacyd.Moment(in.Body.ReviewAt)
	if err != nil {
		return nil, d.fail(privacyd.Errorf(privacyd.ClassInvalid, "hold_review_invalid",
			"review_at is a day such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z."))
	}
	h, err := d.engine.PlaceHold(ctx, callerOf(ctx), engine.NewHold{
		Workspace: in.Workspace, Target: in.Body.Target, Ground: in.Body.Ground, Reason: in.Body.Reason, ReviewAt: review,
	})
	return &answer[*privacyd.Hold]{h}, d.fail(err)
}

func (d *door) listHolds(ctx context.Context, in *ListPage) (*answer[Holds], error) {
	list, err := d.engine.ListHolds(ctx, callerOf(ctx), in.Workspace, in.Cursor, in.Limit)
	page := Holds{Items: append([]*privacyd.Hold{}, list...)}
	if len(list) == in.Limit {
		page.NextCursor = list[len(list)-1].ID
	}
	return &answer[Holds]{page}, d.fail(err)
}
