package web

func (d *door) accountRoutes() map[string]action {
	return map[string]action{"GET /account": d.account}
}
