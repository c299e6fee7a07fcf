package archive

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"
)

// table finds entries by path in 16 bytes an entry.
type table struct {
	directory directory
	seed      maphash.Seed
	slots     []slot // sorted by hash
}

type slot struct {
	hash uint64 // of the path in lower case
	at   int64  // of the directory record
}

// newTable lists what the directory holds, calling see with every entry that is
// not a folder.
func newTable(d directory, see func(found)) (*table, error) {
	t := &table{directory: d, seed: maphash.MakeSeed()}
	err := d.each(func(f found) error {
		see(f)
		if !f.folder() {
			t.slots = append(t.slots, slot{hash: t.hash(f.name), at: f.at})
		}
		return nil
	})
	slices.SortFunc(t.slots, func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.at, b.at))
	})
	return t, err
}

func (t *table) hash(path string) uint64 { return maphash.String(t.seed, strings.ToLower(path)) }

// find gives the first entry with exactly that path and its slot.
func (t *table) find(path string) (found, int, bool, error) {
	h := t.hash(path)
	i, _ := slices.BinarySearchFunc(t.slots, h, func(s slot, h uint64) int { return cmp.Compare(s.hash, h) })
	for ; i < len(t.slots) && t.slots[i].hash == h; i++ {
		f, err := t.directory.entryAt(t.slots[i].at)
		if err != nil {
			return found{}, 0, false, err
		}
		if f.name == path {
			return f, i, true, nil
		}
	}
	return found{}, 0, false, nil
}

// twice calls do with every path that is there more than once, whatever its case.
func (t *table) twice(do func(path string)) error {
	for i := 1; i < len(t.slots); i++ {
		if t.slots[i].hash != t.slots[i-1].hash {
			continue
		}
		a, err := t.directory.entryAt(t.slots[i-1].at)
		if err != nil {
			return err
		}
		b, err := t.directory.entryAt(t.slots[i].at)
		if err != nil {
			return err
		}
		if strings.EqualFold(a.name, b.name) {
			do(b.name)
		}
	}
	return nil
}
