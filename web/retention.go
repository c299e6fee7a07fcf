package web

import "net/http"

// retentionView is the section "Retention" of the page "Data & privacy".
type retentionView struct{}

func (d *door) retentionSection(*http.Request, visit) (retentionView, error) {
	return retentionView{}, nil
}

func (d *door) retentionRoutes() map[string]action {
	return map[string]action{}
}
