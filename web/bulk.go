package web

import "net/http"

// bulkView is the section "Bulk delete by date" of the page "Data & privacy".
type bulkView struct{}

func (d *door) bulkSection(*http.Request, visit) (bulkView, error) {
	return bulkView{}, nil
}

func (d *door) bulkRoutes() map[string]action {
	return map[string]action{}
}
