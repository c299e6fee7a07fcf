// Package northwind_test holds the example's data map against the real
// Northwind, and erases people from it.
package northwind_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/examples/exampletest"
)

// northwind loads the database, or gives none where it is not here.
func northwind(t *testing.T) *exampletest.Product {
	t.Helper()
	script := exampletest.Script(t, "northwind/northwind.sql", "https://github.com/pthom/northwind_psql")
	if script == "" {
		return nil
	}
	// A setting that PostgreSQL no longer has.
	return exampletest.Load(t, "northwind.map.yaml", strings.ReplaceAll(script, "SET default_with_oids = false;", ""))
}

func TestMapCheck(t *testing.T) {
	if p := northwind(t); p != nil {
		p.Check(t)
	}
}

func TestEraseBuyer(t *testing.T) {
	p := northwind(t)
	if p == nil {
		return
	}
	orders, details := p.Number(t, "select count(*) from orders"), p.Number(t, "select count(*) from order_details")
	hers := p.Number(t, "select count(*) from orders where customer_id = 'ALFKI'")
	done := p.Erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "ALFKI", SubjectKind: "buyer", SubjectID: "ALFKI"}})
	if diff := cmp.Diff(map[string]int64{"customers": 1, "customer_types": 0, "orders": int64(hers), "order_details": 0}, done); diff != "" {
		t.Error(diff)
	}
	p.Wants(t, map[string]int{
		"select count(*) from customers where customer_id = 'ALFKI'":                                  0,
		"select count(*) from customers":                                                              90,
		"select count(*) from orders":                                                                 orders,
		"select count(*) from order_details":                                                          details,
		"select count(*) from orders where customer_id is null and freight is not null":               hers,
		"select count(*) from orders where customer_id is null and ship_name is not null":             0,
		"select count(*) from orders where customer_id is not null and ship_name is null":             0,
		"select count(*) from employees":                                                              9,
		"select count(*) from orders where ship_name = 'Alfreds Futterkiste' or ship_city = 'Berlin'": 0,
	})
}

// An employee whom others report to, and who took orders of customers that are
// gone themselves.
func TestEraseEmployee(t *testing.T) {
	p := northwind(t)
	if p == nil {
		return
	}
	p.Erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "ALFKI"}})
	p.Erase(t, datamap.EraseScope{Scope: datamap.Scope{SubjectKind: "employee", SubjectID: "2"}})
	p.Wants(t, map[string]int{
		"select count(*) from employees where employee_id = 2":            0,
		"select count(*) from employees":                                  8,
		"select count(*) from employees where reports_to is null":         5, // of those whom the second managed
		"select count(*) from employees where reports_to = 5":             3,
		"select count(*) from employee_territories where employee_id = 2": 0,
		"select count(*) from orders where employee_id = 2":               0,
		"select count(*) from orders":                                     830,
	})
}

// A held customer stays, with its orders as they are; others do not.
func TestHeldCustomer(t *testing.T) {
	p := northwind(t)
	if p == nil {
		return
	}
	p.Erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "ALFKI"}, Held: []datamap.RowRef{{Collection: "customers", Key: []string{"ALFKI"}}}})
	if n := p.Number(t, "select count(*) from orders where customer_id = 'ALFKI' and ship_name is not null"); n == 0 {
		t.Error("the orders of a held customer were changed")
	}
	p.Erase(t, datamap.EraseScope{Scope: datamap.Scope{Workspace: "ANATR"}, Held: []datamap.RowRef{{Collection: "customers", Key: []string{"ALFKI"}}}})
	if n := p.Number(t, "select count(*) from customers where customer_id = 'ANATR'"); n != 0 {
		t.Error("another customer's hold kept this one")
	}
}
