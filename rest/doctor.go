package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
)

func (d *door) doctor() {
	huma.Register(d.api, operation("diagnose", http.MethodGet, "/v1/doctor", "Look whether everything is as it should be",
		"The operator, on the server's own machine."),
		func(ctx context.Context, _ *struct{}) (*answer[privacyd.Diagnosis], error) {
			found, err := d.engine.Diagnose(ctx, callerOf(ctx))
			return &answer[privacyd.Diagnosis]{found}, d.fail(err)
		})
}
