package engine_test

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/engine/enginetest"
	"github.com/privacyd/privacyd/store/sqldb"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// Where a product's workspaces are a column alone, whoever wants to adopt them
// hears how else they come in; other datasets' are adopted.
func TestSyncWithoutATableOfWorkspaces(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		b := beside(t, db)
		ctx := t.Context()
		b.Product.Fill("north", dayOfChats)
		m, err := datamap.Parse("map.yaml", strings.NewReader(`
dataset: shop
workspace: {column: shop}
collections:
  customers: {fields: {id: system, shop: internal}}
`))
		b.Must(err)
		g, err := datamap.Compile(m)
		b.Must(err)
		b.Datasets = append(b.Datasets, engine.Dataset{Name: "shop", Graph: g})
		adopted, err := b.SyncWorkspaces(ctx, enginetest.Operator)
		if err != nil || len(adopted) != 1 || adopted[0].DatasetKeys["app"] != "north" {
			t.Errorf("%+v, %v", adopted, err)
		}
		b.Datasets = b.Datasets[len(b.Datasets)-1:]
		_, err = b.SyncWorkspaces(ctx, enginetest.Operator)
		b.WantCode(err, "workspaces_unlisted")
		if !strings.Contains(err.Error(), "--dataset-key shop=KEY") {
			t.Error(err)
		}
	})
}
