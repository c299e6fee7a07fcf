package pagila_test

import (
	"archive/zip"
	"encoding/csv"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

const (
	storeAddresses = `select address_id from customer where store_id = 1 union select address_id from staff where store_id = 1
		union select address_id from store where store_id = 1`
	customerAddresses = `select address_id from customer where customer_id = 1`
)

// inStore gives, for each collection, its ids in store 1 as SQL finds them.
func inStore() map[string]string {
	return map[string]string{
		"stores":    "select store_id from store where store_id = 1",
		"staff":     "select staff_id from staff where store_id = 1",
		"customers": "select customer_id from customer where store_id = 1",
		"addresses": storeAddresses,
		"cities":    "select city_id from address where address_id in (" + storeAddresses + ") group by 1",
		"countries": "select country_id from city join address using (city_id) where address_id in (" + storeAddresses + ") group by 1",
		"inventory": "select inventory_id from inventory where store_id = 1",
		"rentals":   "select rental_id from rental join customer using (customer_id) where store_id = 1",
		"payments":  "select payment_id from payment join customer using (customer_id) where store_id = 1",
	}
}

func ofCustomer() map[string]string {
	return map[string]string{
		"customers": "select 1",
		"addresses": customerAddresses,
		"cities":    "select city_id from address where address_id in (" + customerAddresses + ")",
		"countries": "select country_id from city join address using (city_id) where address_id in (" + customerAddresses + ")",
		"rentals":   "select rental_id from rental where customer_id = 1",
		"payments":  "select payment_id from payment where customer_id = 1",
	}
}

func checkStore(t *testing.T, conn *pgx.Conn, z *zip.ReadCloser) {
	t.Run("store", func(t *testing.T) {
		compareIDs(t, conn, z, inStore())
		for _, c := range records(t, z, "customers") {
			if c["store_id"] != float64(1) {
				t.Error("a customer of another store is in the archive")
			}
		}
		mine := numbers(t, conn, "select customer_id from customer where store_id = 1")
		for _, collection := range []string{"rentals", "payments"} {
			for _, r := range records(t, z, collection) {
				if _, found := slices.BinarySearch(mine, int64(r["customer_id"].(float64))); !found {
					t.Fatalf("%s of another store's customer are in the archive", collection)
				}
			}
		}
		for _, s := range records(t, z, "staff") {
			if _, ok := s["password"]; ok {
				t.Error("a password is in the archive")
			}
		}
	})
}

func checkCustomer(t *testing.T, conn *pgx.Conn, z *zip.ReadCloser) {
	t.Run("customer", func(t *testing.T) {
		compareIDs(t, conn, z, ofCustomer())
		for _, r := range records(t, z, "rentals") {
			if _, ok := r["staff_id"]; ok {
				t.Error("a member of staff is in a customer's archive")
			}
		}
		if !slices.Contains(names(z), "about.json") || slices.Contains(names(z), "data/staff.json") {
			t.Errorf("the archive has the files %v", names(z))
		}
	})
}

func checkCSV(t *testing.T, conn *pgx.Conn, z *zip.ReadCloser) {
	t.Run("csv", func(t *testing.T) {
		f, err := z.Open("data/customers.csv")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if want := len(numbers(t, conn, inStore()["customers"])) + 1; len(rows) != want {
			t.Errorf("customers.csv has %d lines, want %d", len(rows), want)
		}
	})
}

// compareIDs wants exactly the rows that SQL finds, in exactly these
// collections of Pagila.
func compareIDs(t *testing.T, conn *pgx.Conn, z *zip.ReadCloser, want map[string]string) {
	t.Helper()
	for collection, query := range want {
		var got []int64
		for _, r := range records(t, z, collection) {
			got = append(got, int64(r[idOf(collection)].(float64)))
		}
		slices.Sort(got)
		if diff := cmp.Diff(numbers(t, conn, query), got); diff != "" {
			t.Errorf("%s (-SQL +archive):\n%.2000s", collection, diff)
		}
	}
	for _, name := range names(z) {
		collection := strings.TrimSuffix(strings.TrimPrefix(name, "data/"), ".json")
		if _, ok := want[collection]; strings.HasPrefix(name, "data/") && !ok && !slices.Contains(ofPrivacyd(), collection) {
			t.Errorf("the archive has %s, which nobody asked for", name)
		}
	}
}

// ofPrivacyd are the collections that privacyd keeps about a workspace itself.
func ofPrivacyd() []string {
	return []string{
		"workspaces", "accounts", "authors", "members", "invitations",
		"legal_contacts", "agreement_acceptances", "agreement_signatures",
	}
}

func idOf(collection string) string {
	switch collection {
	case "staff", "inventory":
		return collection + "_id"
	case "addresses":
		return "address_id"
	case "cities", "countries":
		return strings.TrimSuffix(collection, "ies") + "y_id"
	}
	return strings.TrimSuffix(collection, "s") + "_id"
}

func numbers(t *testing.T, conn *pgx.Conn, query string) []int64 {
	t.Helper()
	rows, err := conn.Query(t.Context(), "select id::bigint from ("+query+") q (id) order by 1")
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatalf("nothing to compare: %s", query)
	}
	return list
}

func openArchive(t *testing.T, dir, name string) *zip.ReadCloser {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = z.Close() })
	return z
}

func records(t *testing.T, z *zip.ReadCloser, collection string) []map[string]any {
	t.Helper()
	f, err := z.Open("data/" + collection + ".json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	var list []map[string]any
	if err := json.NewDecoder(f).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return list
}

func names(z *zip.ReadCloser) []string {
	var list []string
	for _, f := range z.File {
		list = append(list, f.Name)
	}
	return list
}
