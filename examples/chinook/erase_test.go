// Package chinook_test holds the example's data map against the real
// Chinook, and erases people from it.
package chinook_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/examples/exampletest"
)

// chinook loads the database, or gives none where it is not here.
func chinook(t *testing.T) *exampletest.Product {
	t.Helper()
	script := exampletest.Script(t, "chinook/Chinook_PostgreSql.sql", "https://github.com/lerocha/chinook-database")
	if script == "" {
		return nil
	}
	_, tables, found := strings.Cut(script, "\\c chinook;") // before it a database is made
	if !found {
		t.Fatal("Chinook's script has changed")
	}
	return exampletest.Load(t, "chinook.map.yaml", tables)
}

func TestMapCheck(t *testing.T) {
	if p := chinook(t); p != nil {
		p.Check(t)
	}
}

// A customer's row stays for the invoices, and says nothing of her any more.
func TestEraseCustomer(t *testing.T) {
	p := chinook(t)
	if p == nil {
		return
	}
	lines := p.Number(t, "select count(*) from invoice_line")
	hers := p.Number(t, "select count(*) from invoice where customer_id = 2")
	done := p.Erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "Germany", SubjectKind: "contact", SubjectID: "2"}})
	if diff := cmp.Diff(map[string]int64{"customers": 1, "invoices": int64(hers), "invoice_lines": 0}, done); diff != "" {
		t.Error(diff)
	}
	p.Wants(t, map[string]int{
		"select count(*) from customer where customer_id = 2 and first_name = 'Deleted' and city is null and support_rep_id = 5": 1,
		"select count(*) from customer where last_name = 'Deleted'":                                                              1,
		"select count(*) from customer": 59,
		"select count(*) from invoice where customer_id = 2 and billing_address is null":    hers,
		"select count(*) from invoice where customer_id <> 2 and billing_address is null":   0,
		"select count(*) from invoice_line":                                                 lines,
		"select count(*) from invoice where billing_address like 'Theodor-Heuss-Straße 34'": 0,
	})
}

// Someone of another country is not there to be erased.
func TestEraseStrangerToTheWorkspace(t *testing.T) {
	p := chinook(t)
	if p == nil {
		return
	}
	for collection, n := range p.Erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "Brazil", SubjectKind: "contact", SubjectID: "2"}}) {
		if n > 0 {
			t.Errorf("%d rows of %s", n, collection)
		}
	}
}

// All of a country: its staff go, and whoever they served or led names nobody.
func TestEraseCountry(t *testing.T) {
	p := chinook(t)
	if p == nil {
		return
	}
	p.Erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "Canada"}})
	p.Wants(t, map[string]int{
		"select count(*) from employee":                                                         0,
		"select count(*) from customer where support_rep_id is not null":                        0,
		"select count(*) from customer where country = 'Canada' and email not like 'deleted@%'": 0,
		"select count(*) from customer where country <> 'Canada' and email like 'deleted@%'":    0,
		"select count(*) from invoice":                                                          412,
	})
}
