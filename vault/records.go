package vault

import (
	"context"
	"errors"
	"iter"

	"github.com/privacyd/privacyd/vault/bucket"
)

// errAbsent says that there is no record under a name.
var errAbsent = errors.New("there is no such record")

// records is the key store: small records under slash-separated names. What
// was written is on stable storage when a method returns.
type records interface {
	// Read gives a record, or errAbsent.
	Read(ctx context.Context, name string) ([]byte, error)
	// Create writes a record where there is none. It is false, and nothing is
	// changed, when there is one; of several processes exactly one gets true.
	Create(ctx context.Context, name string, record []byte) (bool, error)
	// Replace puts a record in the place of another of the same length so that
	// the old bytes are gone.
	Replace(ctx context.Context, name string, record []byte) error
	// Swap puts a record in the place of another of the same length, if that is
	// still the one that is there. It is false, and nothing is changed, when it
	// is another by now, such as a fence.
	Swap(ctx context.Context, name string, old, record []byte) (bool, error)
	// Destroy overwrites and removes a record; an absent one is fine.
	Destroy(ctx context.Context, name string) error
	// List gives the names that begin with prefix.
	List(ctx context.Context, prefix string) iter.Seq2[string, error]
	// Tops gives what comes before the first slash of names that have one.
	Tops(ctx context.Context) ([]string, error)
	Close() error
}

func openRecords(ctx context.Context, address string) (records, error) {
	if dir, ok := bucket.Folder(address); ok {
		return openFolder(dir)
	}
	return openObjects(ctx, address)
}
