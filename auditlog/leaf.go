package auditlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Leaf is what a leaf says.
type Leaf struct {
	ID         string
	Log        string
	At         time.Time
	Action     string
	Outcome    string
	TargetType string
	Public     map[string]any
	Claims     []string // the names of what is disclosed apart, sorted
	Digests    []string // of the disclosures, sorted so that their order tells nothing
}

const (
	leafVersion  = 1
	maxLeaf      = 65535 // the limit of an entry in tlog-tiles
	maxInteger   = 1<<53 - 1
	timeForm     = "2006-01-02T15:04:05.000000Z"
	digestMethod = "sha-256"
)

// What may stand in a leaf. None of these patterns admits a space, an @, a +
// or a capital letter in a value, so that no name, address or number of a
// person gets in by mistake.
var (
	codePattern = regexp.MustCompile(`^[a-z][a-z0-9]*([._-][a-z0-9]+)*$`)
	namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)
	hashPattern = regexp.MustCompile(`^([0-9a-f]{64}|[0-9a-f]{128})$`)
	timePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
	logPattern  = regexp.MustCompile(`^([0-9a-z][0-9a-z-]{0,63})?$`)
	idPattern   = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
)

const maxCode = 64

func isCode(s string) bool { return len(s) <= maxCode && codePattern.MatchString(s) }

// isDigest tells whether s is a SHA-256 in base64url. It is asked for each
// claim of each entry, and a regular expression takes a fifth of the time of
// writing one.
func isDigest(s string) bool {
	if len(s) != base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// wire is the form of a leaf. Its fields are in the order of their names,
// which is the order in which they are written.
type wire struct {
	Digests    []string       `json:"_sd"`
	Method     string         `json:"_sd_alg"`
	Action     string         `json:"action"`
	At         string         `json:"at"`
	Claims     []string       `json:"claims"`
	ID         string         `json:"id"`
	Log        string         `json:"log"`
	Outcome    string         `json:"outcome"`
	Public     map[string]any `json:"public"`
	TargetType string         `json:"target_type"`
	Version    int            `json:"v"`
}

// Encode writes the leaf: sorted keys, no spaces, ASCII. It refuses what must
// not be public (ErrPublic).
func (l *Leaf) Encode() ([]byte, error) {
	public, err := publicMap(l.Public, 0)
	if err != nil {
		return nil, err
	}
	w := wire{
		Digests: nonNil(l.Digests), Method: digestMethod, Action: l.Action, At: formatTime(l.At), Claims: nonNil(l.Claims),
		ID: l.ID, Log: l.Log, Outcome: l.Outcome, Public: public, TargetType: l.TargetType, Version: leafVersion,
	}
	if err := w.valid(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encode a leaf: %w", err)
	}
	if len(b) > maxLeaf {
		return nil, fmt.Errorf("%w: it would have %d bytes, more than %d", ErrPublic, len(b), maxLeaf)
	}
	return b, nil
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func formatTime(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(timeForm) }

func (w *wire) valid() error {
	for _, f := range []struct {
		name string
		ok   bool
	}{
		{"id", idPattern.MatchString(w.ID)},
		{"log", logPattern.MatchString(w.Log)},
		{"action", isCode(w.Action)},
		{"outcome", isCode(w.Outcome)},
		{"target_type", w.TargetType == "" || isCode(w.TargetType)},
		{"at", timePattern.MatchString(w.At)},
		{"claims", sortedSet(w.Claims) && all(w.Claims, isCode)},
		{"_sd", sortedSet(w.Digests) && all(w.Digests, isDigest)},
	} {
		if !f.ok {
			return fmt.Errorf("%w: the field %s is not of that form", ErrPublic, f.name)
		}
	}
	return nil
}

func all(list []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !ok(s) })
}

func sortedSet(list []string) bool {
	for i := 1; i < len(list); i++ {
		if list[i-1] >= list[i] {
			return false
		}
	}
	return true
}

// publicMap checks public values and brings them into the form in which they
// are written. The error names the key, never the value.
func publicMap(m map[string]any, depth int) (map[string]any, error) {
	out := make(map[string]any, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !namePattern.MatchString(key) {
			return nil, fmt.Errorf("%w: a key is not a name", ErrPublic)
		}
		v, err := publicValue(m[key], depth)
		if err != nil {
			return nil, fmt.Errorf("%w (%s)", err, key)
		}
		out[key] = v
	}
	return out, nil
}

func publicValue(v any, depth int) (any, error) {
	if t, ok := v.(time.Time); ok {
		return formatTime(t), nil
	}
	if n, ok := v.(json.Number); ok {
		i, err := n.Int64()
		if err != nil {
			return nil, ErrPublic
		}
		v = i
	}
	r := reflect.ValueOf(v)
	switch {
	case r.Kind() == reflect.Bool:
		return r.Bool(), nil
	case r.Kind() == reflect.String && publicString(r.String()):
		return r.String(), nil
	case r.CanInt() && r.Int() <= maxInteger && r.Int() >= -maxInteger:
		return r.Int(), nil
	case r.CanUint() && r.Uint() <= maxInteger:
		return int64(r.Uint()), nil
	case r.Kind() == reflect.Map && r.Type().Key().Kind() == reflect.String && depth == 0:
		nested := make(map[string]any, r.Len())
		for k, e := range r.Seq2() {
			nested[k.String()] = e.Interface()
		}
		return publicMap(nested, depth+1)
	}
	return nil, ErrPublic
}

func publicString(s string) bool {
	return isCode(s) || hashPattern.MatchString(s) || timePattern.MatchString(s) || idPattern.MatchString(s)
}

// ParseLeaf reads a leaf. Bytes that differ in any way from what Encode would
// write are refused (ErrLeaf), so that one meaning has one hash.
func ParseLeaf(b []byte) (*Leaf, error) {
	if len(b) > maxLeaf {
		return nil, fmt.Errorf("%w: it is too long", ErrLeaf)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	d.UseNumber()
	var w wire
	if err := d.Decode(&w); err != nil {
		return nil, fmt.Errorf("%w: it is not the JSON of one", ErrLeaf)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("%w: something follows it", ErrLeaf)
	}
	at, err := time.Parse(timeForm, w.At)
	if err != nil || w.Version != leafVersion || w.Method != digestMethod {
		return nil, fmt.Errorf("%w: its time, version or digest method is not known", ErrLeaf)
	}
	public, err := publicMap(w.Public, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLeaf, err)
	}
	l := &Leaf{
		ID: w.ID, Log: w.Log, At: at, Action: w.Action, Outcome: w.Outcome, TargetType: w.TargetType,
		Public: public, Claims: w.Claims, Digests: w.Digests,
	}
	again, err := l.Encode()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLeaf, err)
	}
	if !bytes.Equal(again, b) {
		return nil, fmt.Errorf("%w: it is not written as leaves are", ErrLeaf)
	}
	return l, nil
}

// LeafHash is the hash of a leaf in an RFC 6962 tree: SHA-256 of 0x00 and the
// leaf.
func LeafHash(leaf []byte) [32]byte { return tlog.RecordHash(leaf) }
