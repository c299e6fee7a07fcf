package ledger

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"time"

	"github.com/privacyd/privacyd"
)

// Wrapper protects the ledger's own key with one that lies elsewhere, in the
// key store.
type Wrapper interface {
	Wrap(ctx context.Context, key []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped []byte) ([]byte, error)
}

// Suppression is the part of a ledger that remembers erasures, so that a
// restored database can be kept from bringing anyone back. It is safe for
// concurrent use; any number of processes may share one.
type Suppression struct {
	shelf shelf
	now   func() time.Time
	marks []byte      // HMAC key of the roots
	seal  cipher.AEAD // of entries
}

const (
	suppressionKey = "suppression/key"
	keySize        = 32

	// MaxRoots is how many roots one entry takes.
	MaxRoots = 10_000
)

// Suppression opens the suppression ledger; now is the clock by which entries
// expire. The first process that opens it makes its key.
//
// Error codes: ledger_damaged when there are entries and no key,
// ledger_unsuitable for an object store without conditional writes,
// blob_unavailable, disk_full, and those of the wrapper.
func (l *Ledger) Suppression(ctx context.Context, w Wrapper, now func() time.Time) (*Suppression, error) {
	s := &Suppression{shelf: l.shelf, now: now}
	key, err := s.key(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("open the suppression ledger: %w", err)
	}
	if s.marks, err = hkdf.Key(sha256.New, key, nil, "privacyd/v1/suppression-marks", keySize); err != nil {
		return nil, fmt.Errorf("open the suppression ledger: %w", err)
	}
	if s.seal, err = entrySeal(key); err != nil {
		return nil, fmt.Errorf("open the suppression ledger: %w", err)
	}
	return s, nil
}

func entrySeal(key []byte) (cipher.AEAD, error) {
	own, err := hkdf.Key(sha256.New, key, nil, "privacyd/v1/suppression-entries", keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(own)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (s *Suppression) key(ctx context.Context, w Wrapper) ([]byte, error) {
	wrapped, err := s.shelf.Read(ctx, suppressionKey)
	if errors.Is(err, fs.ErrNotExist) {
		wrapped, err = s.makeKey(ctx, w)
	}
	if err != nil {
		return nil, err
	}
	key, err := w.Unwrap(ctx, wrapped)
	if err != nil {
		return nil, err
	}
	if len(key) != keySize {
		return nil, errDamaged("its key has another length")
	}
	return key, s.refusesTaken(ctx, wrapped)
}

// refusesTaken proves that the store honours "only if there is none": without
// it two nodes could give one number to two erasures and lose one.
func (s *Suppression) refusesTaken(ctx context.Context, same []byte) error {
	made, err := s.shelf.Create(ctx, suppressionKey, same)
	if err == nil && made {
		err = privacyd.Errorf(privacyd.ClassUnavailable, "ledger_unsuitable",
			"The ledger's object store ignores conditional writes (If-None-Match), so several nodes could overwrite each other's entries. "+
				"Use one that has them, or a folder.")
	}
	return err
}

// makeKey makes a key only for a ledger without entries: a new one would leave
// them unreadable and pass for an empty ledger.
func (s *Suppression) makeKey(ctx context.Context, w Wrapper) ([]byte, error) {
	objects, floor, err := s.stock(ctx)
	if err != nil {
		return nil, err
	}
	if len(objects) > 0 || floor > 0 {
		return nil, errDamaged("its key is gone")
	}
	key := make([]byte, keySize)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	wrapped, err := w.Wrap(ctx, key)
	if err != nil {
		return nil, err
	}
	made, err := s.shelf.Create(ctx, suppressionKey, wrapped)
	if err != nil || made {
		return wrapped, err
	}
	return s.shelf.Read(ctx, suppressionKey)
}

// Newest is the sequence number of the newest erasure, also when its entry has
// expired; 0 before the first. A database that knows less was restored.
//
// Error codes: blob_unavailable.
func (s *Suppression) Newest(ctx context.Context) (int64, error) {
	objects, floor, err := s.stock(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the suppression ledger: %w", err)
	}
	return newest(objects, floor), nil
}

// Append adds an erasure and its roots, at most MaxRoots, and gives its
// sequence number; when it returns, the entry is on stable storage. An erasure
// that is repeated because a process died is added once more, which does no
// harm.
//
// Error codes: blob_unavailable, disk_full.
func (s *Suppression) Append(ctx context.Context, e privacyd.Erased, roots []privacyd.Root) (int64, error) {
	if len(roots) > MaxRoots {
		return 0, fmt.Errorf("add to the suppression ledger: %d roots at once, %d are allowed", len(roots), MaxRoots)
	}
	for range appendTries {
		sequence, added, err := s.tryAppend(ctx, e, roots)
		if err != nil {
			return 0, fmt.Errorf("add to the suppression ledger: %w", err)
		}
		if added {
			return sequence, nil
		}
	}
	return 0, fmt.Errorf("add to the suppression ledger: gave up after %d tries", appendTries)
}

// appendTries allows for that many others who take the same number first.
const appendTries = 100

func (s *Suppression) tryAppend(ctx context.Context, e privacyd.Erased, roots []privacyd.Root) (sequence int64, added bool, err error) {
	objects, floor, err := s.stock(ctx)
	if err != nil {
		return 0, false, err
	}
	o := object{newest(objects, floor) + 1, newest(objects, floor) + 1}
	e.Sequence = o.first
	sealed, err := s.sealEntry(e, roots)
	if err != nil {
		return 0, false, err
	}
	made, err := s.shelf.Create(ctx, o.path(), frame(nil, o.first, sealed))
	if err != nil || !made {
		return 0, false, err
	}
	// A process that stood still between looking and writing may have taken a
	// number that was given, merged or expired in the meantime.
	objects, floor, err = s.stock(ctx)
	if err != nil {
		return 0, false, err
	}
	if floor < o.first && !o.coveredBy(objects) {
		return o.first, true, nil
	}
	return 0, false, s.shelf.Remove(ctx, o.path())
}

// Since gives the erasures after a sequence number that have not expired,
// oldest first: what is missing in a database that knows them up to there.
//
// Error codes: ledger_damaged when an entry is missing or was changed,
// blob_unavailable.
func (s *Suppression) Since(ctx context.Context, sequence int64) iter.Seq2[privacyd.Erased, error] {
	return func(yield func(privacyd.Erased, error) bool) {
		now := s.now()
		for e, err := range s.entries(ctx, sequence) {
			if err != nil {
				yield(privacyd.Erased{}, fmt.Errorf("read the suppression ledger: %w", err))
				return
			}
			if e.Expires.After(now) && !yield(e.Erased, nil) {
				return
			}
		}
	}
}

// Marks gives the marks of all roots that were erased and whose entry has
// neither expired nor been taken back, in no order. It reads the ledger twice,
// an object at a time: who asks about many records goes through it once and
// compares.
//
// Error codes: as Since.
func (s *Suppression) Marks(ctx context.Context) iter.Seq2[privacyd.RootMark, error] {
	return func(yield func(privacyd.RootMark, error) bool) {
		now := s.now()
		withdrawn, err := s.withdrawals(ctx)
		if err != nil {
			yield(privacyd.RootMark{}, fmt.Errorf("read the suppression ledger: %w", err))
			return
		}
		for e, err := range s.entries(ctx, 0) {
			if err != nil {
				yield(privacyd.RootMark{}, fmt.Errorf("read the suppression ledger: %w", err))
				return
			}
			if !e.Expires.After(now) || withdrawn.Of(e.Erased) {
				continue
			}
			for _, m := range standing(e, withdrawn) {
				if !yield(m, nil) {
					return
				}
			}
		}
	}
}

// standing are the marks of an entry but those of rows that were taken back: of
// rows each has one, in their order.
func standing(e entry, withdrawn *privacyd.Withdrawals) []privacyd.RootMark {
	if len(e.Again.Keys) != len(e.marks) {
		return e.marks
	}
	var marks []privacyd.RootMark
	for _, i := range withdrawn.Standing(e.Erased) {
		marks = append(marks, e.marks[i])
	}
	return marks
}

func (s *Suppression) withdrawals(ctx context.Context) (*privacyd.Withdrawals, error) {
	found := &privacyd.Withdrawals{}
	for e, err := range s.entries(ctx, 0) {
		if err != nil {
			return nil, err
		}
		found.Note(e.Erased)
	}
	return found, nil
}

func errDamaged(what string) error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "ledger_damaged",
		"The suppression ledger is incomplete or was changed (%s). Put it back from its own copy; "+
			"without it a restored database may bring back who was erased.", what)
}
