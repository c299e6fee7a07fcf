package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd/engine"
)

const mostSubjects = 50

type subjectQuery struct {
	WorkspacePath
	Query string `query:"query" maxLength:"200" doc:"Nothing is found without one. An id, e-mail address, telephone number or name; of privacyd's own records its beginning or a part of it."`
	Limit int    `query:"limit" minimum:"1" maximum:"50" default:"10"`
}

// FoundSubjects are the persons whom a search has found.
type FoundSubjects struct {
	Items []engine.FoundSubject `json:"items"`
	More  bool                  `json:"more" doc:"There are more than these: narrow the query."`
}

func (d *door) subjects() {
	huma.Register(d.api, operation("find-subjects", http.MethodGet, "/v1/workspaces/{workspace}/subjects", "Find persons",
		"Admins and agents. In the records of privacyd's own as in a product's database, by what the data map says that people are known by."),
		func(ctx context.Context, in *subjectQuery) (*answer[FoundSubjects], error) {
			limit := min(in.Limit, mostSubjects)
			list, err := d.engine.FindSubjects(ctx, callerOf(ctx), in.Workspace, in.Query, limit+1)
			return &answer[FoundSubjects]{FoundSubjects{Items: list[:min(len(list), limit)], More: len(list) > limit}}, d.fail(err)
		})
}
