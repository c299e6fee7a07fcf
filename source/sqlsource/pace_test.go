package sqlsource

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever a row takes, batches come to take about the target soon, and one
// that turned out slow is followed by one that is not.
func TestPaceFindsTheTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		each := time.Duration(rapid.Int64Range(int64(time.Microsecond), int64(50*time.Millisecond)).Draw(t, "a row"))
		fixed := time.Duration(rapid.Int64Range(0, int64(20*time.Millisecond)).Draw(t, "a batch"))
		p := newPaces().begin("t", firstBatch, largestBatch)
		took := time.Duration(0)
		for range 30 {
			took = fixed + time.Duration(p.size())*each
			p.took(p.size(), took)
		}
		took = fixed + time.Duration(p.size())*each
		if took > batchTarget+fixed+each || p.size() < largestBatch && took < batchTarget/3 {
			t.Fatalf("%d rows of %v take %v", p.size(), each, took)
		}
		each *= 10
		p.took(p.size(), fixed+time.Duration(p.size())*each)
		if took := time.Duration(p.size()) * each; took > batchTarget+each {
			t.Fatalf("%d rows of %v take %v", p.size(), each, took)
		}
	})
}

func TestPaceIsNotFooled(t *testing.T) {
	p := newPaces().begin("t", firstBatch, 1000)
	p.took(3, 90*time.Millisecond) // a last few rows, and a slow commit
	if p.size() != firstBatch {
		t.Errorf("%d rows", p.size())
	}
	p.took(3, time.Second)
	if p.size() > 1 {
		t.Errorf("%d rows after three that took a second", p.size())
	}
	for range 100 {
		p.took(p.size(), 0)
	}
	if p.size() != 1000 {
		t.Errorf("%d rows", p.size())
	}
}

// TestPacesAreRemembered: a table that an erasure comes to again goes on at the
// pace that it had.
func TestPacesAreRemembered(t *testing.T) {
	all := newPaces()
	p := all.begin("a", 500, 20_000)
	p.took(500, 5*time.Millisecond)
	all.keep("a", p)
	if again := all.begin("a", 500, 20_000); again.rows != p.rows || again.rows <= 500 {
		t.Errorf("goes on with %d rows after %d", again.rows, p.rows)
	}
	if other := all.begin("b", 500, 20_000); other.rows != 500 {
		t.Errorf("another table begins with %d rows", other.rows)
	}
	if less := all.begin("a", 500, 700); less.rows != 700 {
		t.Errorf("%d rows where 700 are the most", less.rows)
	}
}
