package pagila_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/examples/exampletest"
	"github.com/privacyd/privacyd/store/sqldb/sqldbtest"
)

// shops is a database of Pagila and its map.
type shops struct{ *exampletest.Product }

// each runs a test on the built-in copy of Pagila's tables and on the real one,
// if that is here.
func each(t *testing.T, test func(t *testing.T, s *shops)) {
	t.Helper()
	t.Run("built-in", func(t *testing.T) { test(t, load(t, "testdata")) })
	dir, ok := pagila(t)
	if !ok {
		t.Logf("PAGILA IS NOT HERE. Only the small built-in copy of its tables was tested. Set %s to test the real one.", exampletest.EnvInputs)
		return
	}
	t.Run("pagila", func(t *testing.T) { test(t, load(t, dir)) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// load runs Pagila's files with psql, for they hold COPY with data.
func load(t *testing.T, dir string) *shops {
	t.Helper()
	dsn := sqldbtest.PostgresDSN(t)
	for _, name := range []string{"pagila-schema", "pagila-schema-jsonb", "pagila-data"} {
		psql(t, dsn, filepath.Join(dir, name+".sql"))
	}
	return &shops{exampletest.Open(t, "pagila.map.yaml", dsn)}
}

// wants compares numbers before and after: each query counts what must have
// fallen to nothing, or must not have changed.
func (s *shops) wants(t *testing.T, gone, same []string, act func()) {
	t.Helper()
	before := map[string]int{}
	for _, query := range same {
		before[query] = s.Number(t, query)
	}
	act()
	for _, query := range gone {
		if n := s.Number(t, query); n != 0 {
			t.Errorf("%s: %d are left", query, n)
		}
	}
	for _, query := range same {
		if n := s.Number(t, query); n != before[query] {
			t.Errorf("%s: %d, before it was %d", query, n, before[query])
		}
	}
}

func TestEraseCustomer(t *testing.T) {
	each(t, func(t *testing.T, s *shops) {
		address := s.Number(t, "select address_id from customer where customer_id = 1")
		s.Exec(t, fmt.Sprintf("create table hers as select %d as address_id", address))
		s.wants(t, []string{
			"select count(*) from customer where customer_id = 1", "select count(*) from rental where customer_id = 1",
			"select count(*) from payment where customer_id = 1",
			"select count(*) from address a where a.address_id in (select address_id from hers) and not exists (select 1 from customer c where c.address_id = a.address_id) and not exists (select 1 from staff c where c.address_id = a.address_id) and not exists (select 1 from store c where c.address_id = a.address_id)",
		}, []string{
			"select count(*) from customer where customer_id <> 1", "select count(*) from rental where customer_id <> 1",
			"select count(*) from payment where customer_id <> 1", "select count(*) from address where address_id not in (select address_id from hers)",
			"select count(*) from city", "select count(*) from staff where first_name <> 'Deleted'",
		}, func() {
			s.Erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "1", SubjectKind: "contact", SubjectID: "1"}})
		})
	})
}

// nobodyElses leaves out addresses at which somebody of another store lives;
// ofTheStore is a payment for what a customer of the store rented.
const (
	nobodyElses = ` and not exists (select 1 from customer c where c.address_id = a.address_id and c.store_id <> 1)
		and not exists (select 1 from staff c where c.address_id = a.address_id and c.store_id <> 1)
		and not exists (select 1 from store c where c.address_id = a.address_id and c.store_id <> 1)`
	ofTheStore = `exists (select 1 from rental r join customer o on o.customer_id = r.customer_id where r.rental_id = p.rental_id and o.store_id = 1)`
)

func TestEraseStore(t *testing.T) {
	each(t, func(t *testing.T, s *shops) {
		s.wants(t, []string{
			"select count(*) from customer where store_id = 1",
			"select count(*) from staff where store_id = 1 and (first_name <> 'Deleted' or email is not null or password is not null)",
			"select count(*) from address a join staff s using (address_id) where s.store_id = 1 and a.phone <> 'Deleted'" + nobodyElses,
		}, []string{
			"select count(*) from address a where not exists (select 1 from customer c where c.address_id = a.address_id) and not exists (select 1 from staff c where c.address_id = a.address_id) and not exists (select 1 from store c where c.address_id = a.address_id)",
			"select count(*) from customer where store_id <> 1", "select count(*) from rental join customer using (customer_id) where store_id <> 1",
			"select count(*) from payment p join customer c using (customer_id) where store_id <> 1 and not " + ofTheStore, "select count(*) from inventory", "select count(*) from store",
			"select count(*) from staff where store_id <> 1 and first_name <> 'Deleted'",
			"select count(*) from customer join address using (address_id) where store_id <> 1 and phone <> 'Deleted'",
		}, func() { s.Erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "1"}}) })
	})
}
