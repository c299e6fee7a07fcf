package web

import "net/http"

// holdsView is the section "Holds" of the page "Data & privacy".
type holdsView struct{}

func (d *door) holdsSection(*http.Request, visit) (holdsView, error) {
	return holdsView{}, nil
}

func (d *door) holdRoutes() map[string]action {
	return map[string]action{}
}
