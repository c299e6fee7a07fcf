package auditlog

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// saltSize is how many bytes keep a digest from telling its value once its
// disclosure is deleted, even to somebody who can try every value. A salt that is
// random by itself (formSalted) does so for good: each value has about as many
// salts that fit as each other. Salts that are made of one seed (formSeeded) do
// so against who has to compute it: that takes trying seeds of 512 bits, or
// SHAKE256 broken. Without a bound on computing, two digests of one seed would
// tell their values.
const saltSize = 64

// A disclosure is base64url of the JSON list of salt, name and value (RFC 9901,
// section 4.2.1). What is sealed of those of one owner is a seed, which their
// salts are made of, and the letters of names and values, which is a third as
// long: disclosures are most of what a log stores.

// seedSize is as much as one salt has, and more than the strength of SHAKE256.
// Each entry has a seed of its own for each owner: who does not know it cannot
// find any of its salts, nor that two entries have the same owner.
const seedSize = saltSize

// saltsOf makes n salts of a seed.
func saltsOf(seed []byte, n int) []byte { return sha3.SumSHAKE256(seed, n*saltSize) }

// Forms of what is sealed of one owner's disclosures in one entry.
const (
	formSalted = 0 // of each disclosure its salt, the length of the pair as a varint, and the pair
	formSeeded = 1 // the seed, and of each disclosure the length of the pair as a varint and the pair
)

// appendPair writes the letters of a name, which is a code, and a value. text
// is written over.
func appendPair(b []byte, name string, value any, text *bytes.Buffer) ([]byte, error) {
	b = append(appendText(b, name), ',')
	switch v := value.(type) {
	case string:
		if isPlain(v) {
			return appendText(b, v), nil
		}
	case owner:
		if isPlain(v.Log) && isPlain(v.Kind) && isPlain(v.ID) {
			b = appendText(append(b, `{"log":`...), v.Log)
			b = appendText(append(b, `,"kind":`...), v.Kind)
			return append(appendText(append(b, `,"id":`...), v.ID), '}'), nil
		}
	}
	text.Reset()
	e := json.NewEncoder(text)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return nil, fmt.Errorf("write the disclosure %s: %w", name, err)
	}
	return append(b, bytes.TrimSuffix(text.Bytes(), []byte("\n"))...), nil
}

// isPlain tells whether JSON writes a text as it is.
func isPlain(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendList writes the list that a disclosure is of.
func appendList(b, salt, pair []byte) []byte {
	b = append(b, `["`...)
	b = base64.RawURLEncoding.AppendEncode(b, salt)
	b = append(append(b, `",`...), pair...)
	return append(b, ']')
}

// Digest is what a leaf holds of a disclosure: base64url of the SHA-256 of its
// letters.
func Digest(disclosure string) string { return digestOf([]byte(disclosure)) }

func digestOf(disclosure []byte) string {
	sum := sha256.Sum256(disclosure)
	var letters [digestLetters]byte
	base64.RawURLEncoding.Encode(letters[:], sum[:])
	return string(letters[:])
}

// ParseDisclosure gives the claim that a disclosure holds. Errors are
// ErrDisclosure.
func ParseDisclosure(disclosure string) (name string, value json.RawMessage, err error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(disclosure)
	if err != nil {
		return "", nil, fmt.Errorf("%w: it is not base64url", ErrDisclosure)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil || len(parts) != 3 {
		return "", nil, fmt.Errorf("%w: it is not a list of salt, name and value", ErrDisclosure)
	}
	var salt string
	if json.Unmarshal(parts[0], &salt) != nil || json.Unmarshal(parts[1], &name) != nil || !jsonString(parts[0]) || !jsonString(parts[1]) {
		return "", nil, fmt.Errorf("%w: its salt or name is not a text", ErrDisclosure)
	}
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(salt); err != nil || len(raw) != saltSize {
		return "", nil, fmt.Errorf("%w: its salt has not %d bytes", ErrDisclosure, saltSize)
	}
	if name != claimOwner && !isCode(name) {
		return "", nil, fmt.Errorf("%w: its name is not a code", ErrDisclosure)
	}
	return name, parts[2], nil
}

func jsonString(b json.RawMessage) bool { return len(b) > 0 && b[0] == '"' }

// Checked is what a leaf and its disclosures say together.
type Checked struct {
	Leaf    *Leaf
	Claims  map[string]json.RawMessage
	Owners  []Owner  // the persons whom disclosed claims belong to
	Missing []string // claims without a disclosure, sorted
	Hidden  int      // digests without a disclosure
}

// Check reads a leaf and proves that each disclosure is one of its own,
// unchanged, given once. It needs no key. Errors are ErrLeaf and
// ErrDisclosure; a missing disclosure is not an error but Missing and Hidden.
func Check(leaf []byte, disclosures []string) (*Checked, error) {
	l, err := ParseLeaf(leaf)
	if err != nil {
		return nil, err
	}
	c := &Checked{Leaf: l, Claims: make(map[string]json.RawMessage)}
	seen := make(map[string]bool, len(disclosures))
	for _, d := range disclosures {
		digest := Digest(d)
		if _, found := slices.BinarySearch(l.Digests, digest); !found || seen[digest] {
			return nil, fmt.Errorf("%w: its digest is not there, or was used before", ErrDisclosure)
		}
		seen[digest] = true
		if err := c.add(d); err != nil {
			return nil, err
		}
	}
	c.Hidden = len(l.Digests) - len(seen)
	for _, name := range l.Claims {
		if _, ok := c.Claims[name]; !ok {
			c.Missing = append(c.Missing, name)
		}
	}
	if len(c.Missing) > c.Hidden {
		return nil, fmt.Errorf("%w: it names claims that it has no digests for", ErrLeaf)
	}
	return c, nil
}

func (c *Checked) add(disclosure string) error {
	name, value, err := ParseDisclosure(disclosure)
	if err != nil {
		return err
	}
	if name == claimOwner {
		var o owner
		if err := json.Unmarshal(value, &o); err != nil {
			return fmt.Errorf("%w: it does not name an owner", ErrDisclosure)
		}
		c.Owners = append(c.Owners, Owner(o))
		return nil
	}
	_, twice := c.Claims[name]
	if _, named := slices.BinarySearch(c.Leaf.Claims, name); !named || twice {
		return fmt.Errorf("%w: the leaf does not name it, or it was given twice", ErrDisclosure)
	}
	c.Claims[name] = value
	return nil
}

// owner is an Owner as a disclosure holds it.
type owner struct {
	Log  string `json:"log"`
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// appendBundled adds a disclosure to those of one owner, in the form in which
// they are sealed: the length of the pair as a varint, and the pair.
func appendBundled(b, pair []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(pair)))
	return append(b, pair...)
}

// unbundle gives the disclosures of one owner. Errors are ErrDisclosure.
func unbundle(b []byte, form int) (disclosures []string, err error) {
	var salts []byte
	var pairs [][]byte
	switch form {
	case formSalted:
		salts, pairs, err = unbundleSalted(b)
	case formSeeded:
		if len(b) < seedSize {
			return nil, errCutShort()
		}
		pairs, err = unbundlePairs(b[seedSize:])
		salts = saltsOf(b[:seedSize], len(pairs))
	default:
		err = fmt.Errorf("%w: what was sealed is of a form that is not known", ErrDisclosure)
	}
	if err != nil {
		return nil, err
	}
	var list []byte
	for i, pair := range pairs {
		list = appendList(list[:0], salts[i*saltSize:(i+1)*saltSize], pair)
		disclosures = append(disclosures, base64.RawURLEncoding.EncodeToString(list))
	}
	return disclosures, nil
}

func errCutShort() error { return fmt.Errorf("%w: what was sealed is cut short", ErrDisclosure) }

func unbundlePairs(b []byte) (pairs [][]byte, err error) {
	for len(b) > 0 {
		var pair []byte
		if pair, b, err = nextPair(b); err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	return pairs, nil
}

func unbundleSalted(b []byte) (salts []byte, pairs [][]byte, err error) {
	for len(b) > 0 {
		if len(b) < saltSize {
			return nil, nil, errCutShort()
		}
		salts = append(salts, b[:saltSize]...)
		var pair []byte
		if pair, b, err = nextPair(b[saltSize:]); err != nil {
			return nil, nil, err
		}
		pairs = append(pairs, pair)
	}
	return salts, pairs, nil
}

func nextPair(b []byte) (pair, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errCutShort()
	}
	end := n + int(size) //nolint:gosec // not longer than b
	return b[n:end], b[end:], nil
}
