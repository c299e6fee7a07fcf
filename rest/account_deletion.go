package rest

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/privacyd/privacyd"
)

// AccountPlan is what deleting an account would do.
type AccountPlan struct {
	privacyd.Plan
	Sentences []string `json:"sentences"`
}

type accountConfirmation struct {
	Body struct {
		PlanHash string `json:"plan_hash" doc:"Of the plan that the preview showed."`
		Password string `json:"password"`
	}
}

const ownAccount = "The account itself."

func (d *door) accountDeletion() {
	const path = "/v1/account/deletion"
	huma.Register(d.api, operation("preview-account-deletion", http.MethodGet, path+"/preview", "What deleting my account would do", ownAccount),
		func(ctx context.Context, _ *struct{}) (*answer[AccountPlan], error) {
			plan, err := d.engine.PreviewAccountDeletion(ctx, callerOf(ctx))
			if err != nil {
				return nil, d.fail(err)
			}
			return &answer[AccountPlan]{AccountPlan{*plan, plan.Sentences()}}, nil
		})
	huma.Register(d.api, created("delete-account", path, "Delete my account, after the grace period", ownAccount),
		func(ctx context.Context, in *accountConfirmation) (*answer[*privacyd.Job], error) {
			job, err := d.engine.DeleteAccount(ctx, callerOf(ctx), privacyd.Confirmation{PlanHash: in.Body.PlanHash, Password: in.Body.Password})
			return &answer[*privacyd.Job]{job}, d.failPlan(err)
		})
	huma.Register(d.api, operation("get-account-deletion", http.MethodGet, path, "When my account is deleted", ownAccount+" Also in the grace period."),
		func(ctx context.Context, _ *struct{}) (*answer[*privacyd.Job], error) {
			job, err := d.engine.AccountDeletion(ctx, callerOf(ctx))
			if err == nil && job == nil {
				err = privacyd.Errorf(privacyd.ClassNotFound, "job_not_found", "This account is not being deleted.")
			}
			return &answer[*privacyd.Job]{job}, d.fail(err)
		})
	huma.Register(d.api, operation("cancel-account-deletion", http.MethodDelete, path, "Keep my account", ownAccount+" In the grace period."),
		func(ctx context.Context, _ *struct{}) (*answer[*privacyd.Job], error) {
			job, err := d.engine.CancelAccountDeletion(ctx, callerOf(ctx))
			return &answer[*privacyd.Job]{job}, d.fail(err)
		})
	huma.Register(d.api, operation("delete-account-now", http.MethodPost, path+"/now", "Delete my account without waiting", ownAccount+" In the grace period."),
		func(ctx context.Context, in *struct {
			Body struct {
				Password string `json:"password"`
			}
		},
		) (*answer[*privacyd.Job], error) {
			job, err := d.engine.DeleteAccountNow(ctx, callerOf(ctx), in.Body.Password)
			return &answer[*privacyd.Job]{job}, d.fail(err)
		})
}
