package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/store"
)

func TestMemos(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for name, value := range map[string]string{"a/1": "one", "a/2": "two", "b": "three"} {
			must(t, s.PutMemo(ctx, name, []byte("before")))
			must(t, s.PutMemo(ctx, name, []byte(value)))
		}
		must(t, s.CheckKeys(ctx, []byte("a/check"), true)) // kept beside them
		for _, want := range []bool{true, false} {
			if was, err := s.DeleteMemo(ctx, "a/2"); err != nil || was != want {
				t.Errorf("deleted: %v, %v", was, err)
			}
		}
		for prefix, want := range map[string]map[string][]byte{
			"a/": {"a/1": []byte("one")}, "": {"a/1": []byte("one"), "b": []byte("three")}, "key": {}, "_": {},
		} {
			got, err := s.Memos(ctx, prefix)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q: %s", prefix, diff)
			}
		}
	})
}
