package auditlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// saltSize makes a digest hide its value for good: each possible value has
// about as many salts that fit as each other, so that a digest alone says
// nothing, even to somebody who can try every value.
const saltSize = 64

// newDisclosure writes a claim as RFC 9901, section 4.2.1, does: base64url of
// [salt, name, value].
func newDisclosure(rand io.Reader, name string, value any) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(rand, salt); err != nil {
		return "", fmt.Errorf("salt a disclosure: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode([]any{base64.RawURLEncoding.EncodeToString(salt), name, value}); err != nil {
		return "", fmt.Errorf("write the disclosure %s: %w", name, err)
	}
	return base64.RawURLEncoding.EncodeToString(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// Digest is what a leaf holds of a disclosure: base64url of the SHA-256 of its
// letters.
func Digest(disclosure string) string {
	sum := sha256.Sum256([]byte(disclosure))
	return base64.RawURLEncoding.EncodeToString(sum[:])
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

// bundle joins the disclosures of one owner as an SD-JWT does.
func bundle(disclosures []string) []byte { return []byte(strings.Join(disclosures, "~") + "~") }

func unbundle(b []byte) []string {
	return strings.FieldsFunc(string(b), func(r rune) bool { return r == '~' })
}
