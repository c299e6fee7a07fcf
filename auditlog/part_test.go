package auditlog_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/auditlog"
)

func TestPartPaths(t *testing.T) {
	for path, want := range map[string]auditlog.Part{
		"checkpoint":                           {Epoch: 1, Kind: auditlog.PartCheckpoint},
		"checkpoints.ndjson":                   {Epoch: 1, Kind: auditlog.PartOlder},
		"tile/0/000":                           {Epoch: 1, Kind: auditlog.PartTile, Width: 256},
		"tile/2/x001/x234/067":                 {Epoch: 1, Kind: auditlog.PartTile, Level: 2, N: 1234067, Width: 256},
		"tile/63/999.p/255":                    {Epoch: 1, Kind: auditlog.PartTile, Level: 63, N: 999, Width: 255},
		"tile/entries/x001/000.p/1":            {Epoch: 1, Kind: auditlog.PartEntries, N: 1000, Width: 1},
		"disclosures/000":                      {Epoch: 1, Kind: auditlog.PartDisclosures, Width: 256},
		"epoch-2/checkpoint":                   {Epoch: 2, Kind: auditlog.PartCheckpoint},
		"epoch-17/tile/entries/000.p/7":        {Epoch: 17, Kind: auditlog.PartEntries, Width: 7},
		"epoch-999999999/disclosures/x001/000": {Epoch: 999999999, Kind: auditlog.PartDisclosures, N: 1000, Width: 256},
	} {
		got, err := auditlog.ParsePart(path)
		if diff := cmp.Diff(want, got); err != nil || diff != "" || got.Path() != path {
			t.Errorf("%s: %s %s %v", path, got.Path(), diff, err)
		}
	}
	for _, path := range []string{
		"", "/", "checkpoint/", "/checkpoint", "Checkpoint", "checkpoint.p/1", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/0/x000/000",
		"tile/0/001/000", "tile/0/x001", "tile/0/x001/", "tile/00/000", "tile/-1/000", "tile/100/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01",
		"tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/1/", "tile/0/+00", "tile/0/-01", "tile/entries", "tile/entries/", "tile/data/000", "disclosures", "disclosures/",
		"tile/0/../../checkpoint", "../checkpoint", "tile/0/..", "epoch-1/checkpoint", "epoch-0/checkpoint", "epoch-02/checkpoint", "epoch-2", "epoch-2/",
		"epoch-2/epoch-3/checkpoint", "epoch--2/checkpoint", "epoch-1000000000/checkpoint", "tile/0/x999/x999/x999/x999/x999/x999/x999/999", "tile/0/000\x00", "tile\\0\\000",
	} {
		if p, err := auditlog.ParsePart(path); !errors.Is(err, auditlog.ErrNoTile) {
			t.Errorf("%q: %+v, %v", path, p, err)
		}
	}
}

func TestParts(t *testing.T) {
	paths := func(size int64) (all []string) {
		for p := range auditlog.Parts(1, size) {
			all = append(all, p.Path())
		}
		return all
	}
	want := []string{
		"tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44", "disclosures/000", "disclosures/001.p/44", "checkpoints.ndjson", "checkpoint",
	}
	if got := paths(300); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := paths(0); !slices.Equal(got, want[7:]) {
		t.Errorf("%q", got)
	}
	// The example of C2SP tlog-tiles: 273 whole tiles and one of 112; one whole one
	// above, and one of 17; one of 1.
	if got := paths(70_000); len(got) != 274+2+1+2*274+2 || !slices.Contains(got, "tile/1/001.p/17") || !slices.Contains(got, "tile/2/000.p/1") {
		t.Errorf("%d parts", len(got))
	}
	for p := range auditlog.Parts(2, 70_000) {
		if p.Kind == auditlog.PartEntries {
			break
		}
	}
}

func FuzzParsePart(f *testing.F) {
	for _, path := range []string{"checkpoint", "epoch-2/tile/0/x001/000.p/7", "tile/entries/000", "disclosures/000", "tile/0/../000"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, err := auditlog.ParsePart(path)
		if err == nil && (p.Path() != path || p.N < 0 || p.Epoch < 1 || p.Level < 0 || p.Width < 0 || p.Width > 256) {
			t.Errorf("%q is %+v", path, p)
		}
	})
}

func FuzzParseErasure(f *testing.F) {
	f.Add([]byte(wantLeaf))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := auditlog.ParseLeaf(b)
		if err != nil {
			return
		}
		e, err := auditlog.ParseErasure(l.Public)
		if err == nil && e.Entries < 0 {
			t.Errorf("%q", b)
		}
	})
}
