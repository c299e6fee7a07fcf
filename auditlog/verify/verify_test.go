package verify_test

import "testing"

func TestWhole(t *testing.T) {
	for _, n := range []int{0, 1, 2, 255, 256, 257, 700, 1024} {
		b := newBook(t)
		for range 3 {
			b.write(n / 3)
			if n > 3 {
				b.sign()
			}
		}
		b.write(n - n/3*3)
		b.sign()
		r := checkJSON(t, b.json(), options())
		wantFindings(t, r)
		if r.Entries != int64(n) || r.Disclosures != 4*int64(n) || !r.Complete || r.Log != logA {
			t.Errorf("%d: %+v", n, r)
		}
		r = checkPath(t, b.tiles(), options())
		wantFindings(t, r)
		if r.Entries != int64(n) || r.Disclosures != 4*int64(n) || !r.Complete || r.Log != logA {
			t.Errorf("%d: %+v", n, r)
		}
	}
}
