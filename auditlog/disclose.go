package auditlog

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
)

// owned is the disclosures of one owner, as they are sealed.
type owned struct {
	owner   Owner
	claims  int    // and, of a person, one more
	salts   []byte // part of drawn's
	bundle  []byte
	digests int
}

// drawn is what writing an entry needs for a while. It is used again by the
// next one: making it anew was a third of the time of writing an entry.
type drawn struct {
	pair, text, letters []byte // of one disclosure
	value               bytes.Buffer
	salts, digests      []byte // of all disclosures
	owners              []owned
	shake               *sha3.SHAKE
}

// Sizes that are seldom exceeded, in bytes.
const (
	usualPair    = 128
	usualLetters = 384
	usualBundle  = 384
)

// mostKept bounds what is kept for the next entry.
const mostKept = 64 << 10

func (l *Log) draw() *drawn {
	if d, ok := l.drawing.Get().(*drawn); ok {
		return d
	}
	return &drawn{
		pair: make([]byte, 0, usualPair), text: make([]byte, 0, usualLetters), letters: make([]byte, 0, usualLetters),
		shake: sha3.NewSHAKE256(),
	}
}

// giveBack keeps d for the next entry, unless this one was unusually long.
func (l *Log) giveBack(d *drawn) {
	size := cap(d.pair) + cap(d.text) + cap(d.letters) + d.value.Cap() + cap(d.salts) + cap(d.digests)
	for _, o := range d.owners[:cap(d.owners)] {
		size += cap(o.bundle)
	}
	if size <= mostKept {
		l.drawing.Put(d)
	}
}

// disclose writes the claims and puts their names and digests into the leaf. A
// person's identity is a disclosure too: in the leaf it is a digest with a salt
// of its own, different in each entry. What it gives is good until d is used
// again.
func (l *Log) disclose(leaf *Leaf, claims []Claim, d *drawn) ([]owned, error) {
	persons, err := d.ownersOf(claims)
	if err != nil {
		return nil, err
	}
	if err := d.seed(l.random(), len(claims)+len(d.owners)); err != nil {
		return nil, err
	}
	leaf.Claims = make([]string, 0, len(claims))
	d.digests = slices.Grow(d.digests[:0], (len(claims)+persons)*digestLetters)
	for _, c := range claims {
		if !isCode(c.Name) || slices.Contains(leaf.Claims, c.Name) {
			return nil, fmt.Errorf("%w: the name of a claim is not a code, or is there twice", ErrPublic)
		}
		leaf.Claims = append(leaf.Claims, c.Name)
		o := d.of(c.Owner)
		if o.digests == 0 && c.Owner.Kind != "" {
			if err := d.add(o, claimOwner, owner(c.Owner)); err != nil {
				return nil, err
			}
		}
		if err := d.add(o, c.Name, c.Value); err != nil {
			return nil, err
		}
	}
	slices.Sort(leaf.Claims)
	leaf.Digests = cut(string(d.digests), digestLetters)
	slices.Sort(leaf.Digests)
	return d.owners, nil
}

// cut gives the parts of s that have n bytes each.
func cut(s string, n int) []string {
	parts := make([]string, 0, len(s)/n)
	for ; s != ""; s = s[n:] {
		parts = append(parts, s[:n])
	}
	return parts
}

// seed draws the seeds of the owners' salts, of which there are at most n, and
// begins what is sealed with them.
func (d *drawn) seed(random io.Reader, n int) error {
	d.salts = slices.Grow(d.salts[:0], n*saltSize)
	for i := range d.owners {
		o := &d.owners[i]
		o.bundle = slices.Grow(o.bundle[:0], usualBundle)[:seedSize]
		if _, err := io.ReadFull(random, o.bundle); err != nil {
			return fmt.Errorf("salt disclosures: %w", err)
		}
		from := len(d.salts)
		d.salts = d.salts[:from+(o.claims+1)*saltSize]
		o.salts = d.salts[from:]
		d.shake.Reset()
		_, _ = d.shake.Write(o.bundle) // neither fails
		_, _ = d.shake.Read(o.salts)
	}
	return nil
}

func (d *drawn) of(o Owner) *owned {
	i := slices.IndexFunc(d.owners, func(w owned) bool { return w.owner == o })
	if i < 0 {
		return nil
	}
	return &d.owners[i]
}

// ownersOf finds the owners of claims, each once, and tells how many of them
// are persons.
func (d *drawn) ownersOf(claims []Claim) (persons int, err error) {
	d.owners = d.owners[:0]
	for _, c := range claims {
		if o := d.of(c.Owner); o != nil {
			o.claims++
			continue
		}
		if (c.Owner.Kind == "") != (c.Owner.ID == "") {
			return 0, errors.New("the owner of a claim needs both kind and id, or neither")
		}
		if c.Owner.Kind != "" {
			persons++
		}
		d.addOwner(c.Owner)
	}
	return persons, nil
}

// addOwner adds one that takes the place of an earlier entry's.
func (d *drawn) addOwner(o Owner) {
	var bundle []byte
	if n := len(d.owners); n < cap(d.owners) {
		bundle = d.owners[:n+1][n].bundle
	}
	d.owners = append(d.owners, owned{owner: o, claims: 1, bundle: bundle})
}

func (d *drawn) add(o *owned, name string, value any) (err error) {
	if d.pair, err = appendPair(d.pair[:0], name, value, &d.value); err != nil {
		return err
	}
	salt := o.salts[o.digests*saltSize : (o.digests+1)*saltSize]
	d.text = appendList(d.text[:0], salt, d.pair)
	d.letters = base64.RawURLEncoding.AppendEncode(d.letters[:0], d.text)
	sum := sha256.Sum256(d.letters)
	d.digests = base64.RawURLEncoding.AppendEncode(d.digests, sum[:])
	o.bundle = appendBundled(o.bundle, d.pair)
	o.digests++
	return nil
}
