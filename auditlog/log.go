package auditlog

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"
)

// Log writes and reads entries. Set Entries and Keys; it is then safe for
// concurrent use and must not be copied.
type Log struct {
	Entries Entries
	Keys    Sealer
	Trees   Trees            // needed for View alone
	Signer  crypto.Signer    // Ed25519, of the instance: needed for entries with ActionErased alone
	Rand    io.Reader        // of salts and ids; default crypto/rand
	Now     func() time.Time // for ids, which are in the order of insertion; default time.Now
	Follow  time.Duration    // how often ids of other processes are looked at; default 250 ms

	ids     idSource
	drawing sync.Pool // of *drawn
}

// Append adds an entry and gives its id. Claims of an owner who was erased are
// left out, with their names and digests, as if they had never been given.
//
// Errors: ErrPublic; those of Entries and Keys.
func (l *Log) Append(ctx context.Context, r Record) (id string, err error) {
	if err := l.follow(ctx); err != nil {
		return "", fmt.Errorf("append an audit entry: %w", err)
	}
	if id, err = l.ids.next(l.now(), l.random()); err != nil {
		return "", fmt.Errorf("append an audit entry: %w", err)
	}
	if r.At.IsZero() {
		r.At = l.now()
	}
	e, sealed, err := l.write(ctx, id, r)
	if err != nil {
		return "", fmt.Errorf("append an audit entry: %w", err)
	}
	if err := l.Entries.Insert(ctx, e, sealed); err != nil {
		return "", fmt.Errorf("append an audit entry: %w", err)
	}
	return id, nil
}

const (
	defaultFollow = 250 * time.Millisecond
	// mostAhead is how far ahead of the clock ids are followed: one that a broken
	// clock made is not what all others are to come after.
	mostAhead = 3 * time.Hour
)

// follow lets ids go on after those that there are: a clock that was set back,
// across a start or on another node, would else make entries that are listed
// below older ones.
func (l *Log) follow(ctx context.Context) error {
	every := l.Follow
	if every <= 0 {
		every = defaultFollow
	}
	if !l.ids.toLook(every) {
		return nil
	}
	newest, err := l.Entries.Newest(ctx, IDAt(l.now().Add(mostAhead)))
	if err == nil {
		l.ids.after(newest)
	}
	return err
}

// Unplaced gives the newest entry of a log that is in no tree yet, so that no
// checkpoint covers it; empty: there is none.
func (l *Log) Unplaced(ctx context.Context, log string) (entryID string, err error) {
	return l.Trees.Unplaced(ctx, log)
}

// write makes the entry and seals its disclosures. The leaf is bound into what
// is sealed, so that an owner turns out to be erased only after the leaf was
// made: it is then made again without them, and so on, since another may be
// erased meanwhile.
func (l *Log) write(ctx context.Context, id string, r Record) (Entry, []SealedDisclosure, error) {
	d := l.draw()
	defer l.giveBack(d)
	for {
		leaf := &Leaf{
			ID: id, Log: r.Log, At: r.At.UTC().Truncate(time.Microsecond), Action: r.Action, Outcome: r.Outcome,
			TargetType: r.TargetType, Public: r.Public,
		}
		owners, err := l.disclose(leaf, r.Private, d)
		if err != nil {
			return Entry{}, nil, err
		}
		if leaf.Action == ActionErased {
			if err := signErasure(l.Signer, leaf); err != nil {
				return Entry{}, nil, err
			}
		}
		encoded, err := leaf.Encode()
		if err != nil {
			return Entry{}, nil, err
		}
		e := Entry{
			ID: id, Log: r.Log, At: leaf.At, Action: r.Action, Outcome: r.Outcome, TargetType: r.TargetType,
			Leaf: encoded, LeafHash: LeafHash(encoded),
		}
		sealed, erased, err := l.seal(ctx, &e, owners)
		if err != nil || len(erased) == 0 {
			return e, sealed, err
		}
		r.Private = without(r.Private, erased)
	}
}

func without(claims []Claim, erased []Owner) []Claim {
	return slices.DeleteFunc(slices.Clone(claims), func(c Claim) bool { return slices.Contains(erased, c.Owner) })
}

func (l *Log) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

func (l *Log) random() io.Reader {
	if l.Rand == nil {
		return rand.Reader
	}
	return l.Rand
}

// seal seals the disclosures, and says who of their owners was erased.
func (l *Log) seal(ctx context.Context, e *Entry, owners []owned) (out []SealedDisclosure, erased []Owner, err error) {
	for _, o := range owners {
		ref := l.Keys.Reference(o.owner.Log, o.owner.Kind, o.owner.ID)
		sealed, gone, err := l.Keys.SealFor(ctx, ref, sealAAD(e, ref, formSeeded), o.bundle)
		if err != nil {
			return nil, nil, err
		}
		if gone {
			erased = append(erased, o.owner)
			continue
		}
		out = append(out, SealedDisclosure{EntryID: e.ID, Owner: ref, Sealed: sealed, Form: formSeeded, Digests: o.digests})
	}
	return out, erased, nil
}

// sealAAD binds a sealed disclosure to its entry, to the letter of the leaf:
// whoever rewrites a leaf and its hash cannot make its disclosures open again.
func sealAAD(e *Entry, reference string, form int) []byte {
	const label = "audit disclosure 1\x00"
	b := make([]byte, 0, len(label)+4*4+len(e.Log)+len(e.ID)+len(reference)+len(e.LeafHash))
	b = append(b, label...)
	b[len(label)-2] += byte(form) //nolint:gosec // there are two
	for _, s := range []string{e.Log, e.ID, reference} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return append(binary.BigEndian.AppendUint32(b, uint32(len(e.LeafHash))), e.LeafHash[:]...)
}

// Nth gives the id of the n-th entry of a log, the newest first, that has the
// action and is older than Before; empty: there are not as many. It opens none.
func (l *Log) Nth(ctx context.Context, q Query, n int) (id string, err error) {
	return l.Entries.Nth(ctx, q, n)
}

// Before narrows a query for what happened before Until to ids below which all
// such entries are: those that were made by then, a while later at most, and late
// ones, if there are any. Whoever lists a part at a time asks again for each.
func (l *Log) Before(ctx context.Context, q Query) (before string, err error) {
	if q.Until.IsZero() {
		return q.Before, nil
	}
	from := IDAt(q.Until.Add(LateAfter))
	if q.Before != "" && q.Before <= from {
		return q.Before, nil
	}
	before = cmp.Or(q.Before, "g")
	late, err := l.Entries.Late(ctx, q.Log, before, from)
	if err != nil {
		return "", err
	}
	return min(before, max(late, from)), nil
}

// List gives the entries that q asks for, the newest first, with all that can
// still be read of them. An entry that fails its check comes with its id and an
// error (ErrLeaf, ErrHash, ErrDisclosure, or that of Keys); whoever goes on
// gets the ones after it.
func (l *Log) List(ctx context.Context, q Query) iter.Seq2[Opened, error] {
	return func(yield func(Opened, error) bool) {
		for s, err := range l.Entries.List(ctx, q) {
			if err != nil {
				yield(Opened{}, fmt.Errorf("list audit entries: %w", err))
				return
			}
			o, err := l.open(ctx, s)
			if err != nil {
				o, err = Opened{ID: s.ID, Log: s.Log}, fmt.Errorf("read audit entry %s: %w", s.ID, err)
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (l *Log) open(ctx context.Context, s Stored) (Opened, error) {
	if LeafHash(s.Leaf) != s.LeafHash {
		return Opened{}, ErrHash
	}
	var disclosures []string
	erasing := false
	for _, d := range s.Disclosures {
		plain, erased, err := l.Keys.OpenFor(ctx, d.Owner, sealAAD(&s.Entry, d.Owner, d.Form), d.Sealed)
		if err != nil {
			return Opened{}, err
		}
		erasing = erasing || erased
		if erased {
			continue
		}
		some, err := unbundle(plain, d.Form)
		if err != nil {
			return Opened{}, err
		}
		disclosures = append(disclosures, some...)
	}
	c, err := Check(s.Leaf, disclosures)
	if err != nil {
		return Opened{}, err
	}
	if c.Leaf.ID != s.ID || c.Leaf.Log != s.Log {
		return Opened{}, fmt.Errorf("%w: it is another entry's", ErrLeaf)
	}
	if c.Leaf.Action != s.Action || c.Leaf.Outcome != s.Outcome || c.Leaf.TargetType != s.TargetType || !c.Leaf.At.Equal(s.At) {
		return Opened{}, fmt.Errorf("%w: the entry is found by an action, an outcome, a type of target or a time that is not in it", ErrLeaf)
	}
	return Opened{
		ID: s.ID, Log: s.Log, At: c.Leaf.At, Action: c.Leaf.Action, Outcome: c.Leaf.Outcome, TargetType: c.Leaf.TargetType,
		Public: c.Leaf.Public, Private: c.Claims, Erased: c.Missing, Erasing: erasing,
		Leaf: s.Leaf, LeafHash: s.LeafHash, Disclosures: disclosures,
	}, nil
}
