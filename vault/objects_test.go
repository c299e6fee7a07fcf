package vault_test

import (
	"context"
	"sync"
	"testing"

	"github.com/privacyd/privacyd/vault"
	"github.com/privacyd/privacyd/vault/bucket/buckettest"
)

func TestKeysInObjectStore(t *testing.T) {
	address := buckettest.S3(t)
	o := vault.Options{Keys: address, Root: make([]byte, vault.RootSize)}
	v := open(t, o)
	sealed := map[vault.Owner][]byte{}
	for _, owner := range owners() {
		b, err := v.Seal(t.Context(), owner, nil, []byte("x"))
		must(t, err)
		sealed[owner] = b
	}
	must(t, v.Shred(t.Context(), ben))
	must(t, v.Shred(t.Context(), w2))
	must(t, v.Shred(t.Context(), vault.Owner{Kind: "account", ID: "never seen"}))
	other := open(t, o)
	for _, owner := range owners() {
		_, err := other.Open(t.Context(), owner, nil, sealed[owner])
		if owner == ben || owner.Workspace == "w2" {
			wantShredded(t, err)
		} else if err != nil {
			t.Errorf("%+v: %v", owner, err)
		}
	}
	wrong := o
	wrong.Root = append([]byte{1}, o.Root[1:]...)
	_, err := vault.Open(t.Context(), wrong)
	wantCode(t, err, "key_wrong")
}

func TestKeyRaceInObjectStore(t *testing.T) {
	o := vault.Options{Keys: buckettest.S3(t), Root: make([]byte, vault.RootSize)}
	const nodes = 6
	var wg sync.WaitGroup
	sealed := make([][]byte, nodes)
	for i := range nodes {
		v := open(t, o)
		wg.Go(func() {
			b, err := v.Seal(context.Background(), anna, nil, []byte("x"))
			if err != nil {
				t.Error(err)
			}
			sealed[i] = b
		})
	}
	wg.Wait()
	v := open(t, o)
	for _, b := range sealed {
		if _, err := v.Open(t.Context(), anna, nil, b); err != nil {
			t.Error(err)
		}
	}
}

func TestObjectStoreUnreachable(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	_, err := vault.Open(t.Context(), vault.Options{
		Keys: "s3://b?region=eu-central-1&endpoint=http://127.0.0.1:1&use_path_style=true", Root: make([]byte, vault.RootSize),
	})
	wantCode(t, err, "blob_unavailable")
}
