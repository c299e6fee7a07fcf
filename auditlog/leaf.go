package auditlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
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
	hashPattern = regexp.MustCompile(`^([0-9a-f]{64}|[0-9a-f]{128})$`)
	timePattern = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`)
)

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
	at := formatTime(l.At)
	if err := l.valid(at); err != nil {
		return nil, err
	}
	b, err := l.write(at)
	if err != nil {
		return nil, err
	}
	if len(b) > maxLeaf {
		return nil, fmt.Errorf("%w: it would have %d bytes, more than %d", ErrPublic, len(b), maxLeaf)
	}
	return b, nil
}

// write writes the fields in the order of wire, as encoding/json would, which
// takes three times as long. None of them needs an escape: see valid and
// publicValue.
func (l *Leaf) write(at string) ([]byte, error) {
	const around = 512 // what all but the digests takes, in most leaves
	b := make([]byte, 0, around+len(l.Digests)*(digestLetters+3))
	b = appendStrings(append(b, `{"_sd":`...), l.Digests)
	b = appendField(b, "_sd_alg", digestMethod)
	b = appendField(b, "action", l.Action)
	b = appendField(b, "at", at)
	b = appendStrings(append(b, `,"claims":`...), l.Claims)
	b = appendField(b, "id", l.ID)
	b = appendField(b, "log", l.Log)
	b = appendField(b, "outcome", l.Outcome)
	b, err := appendPublic(append(b, `,"public":`...), l.Public, 0)
	if err != nil {
		return nil, err
	}
	b = appendField(b, "target_type", l.TargetType)
	b = strconv.AppendInt(append(b, `,"v":`...), leafVersion, 10)
	return append(b, '}'), nil
}

func appendField(b []byte, name, text string) []byte {
	b = append(append(b, `,"`...), name...)
	return appendText(append(b, `":`...), text)
}

// appendText writes a text that needs no escape.
func appendText(b []byte, text string) []byte {
	return append(append(append(b, '"'), text...), '"')
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, s)
	}
	return append(b, ']')
}

// appendPublic checks public values and writes them. The error names the key,
// never the value.
func appendPublic(b []byte, m map[string]any, depth int) ([]byte, error) {
	b = append(b, '{')
	var few [8]string
	keys := few[:0]
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		v, err := publicEntry(m, key, depth)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, key), ':')
		switch v := v.(type) {
		case string:
			b = appendText(b, v)
		case int64:
			b = strconv.AppendInt(b, v, 10)
		case bool:
			b = strconv.AppendBool(b, v)
		case map[string]any:
			if b, err = appendPublic(b, v, depth+1); err != nil {
				return nil, err
			}
		}
	}
	return append(b, '}'), nil
}

func formatTime(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(timeForm) }

// valid checks all but the public values.
func (l *Leaf) valid(at string) error {
	for _, f := range []struct {
		name string
		ok   bool
	}{
		{"id", isID(l.ID)},
		{"log", isLog(l.Log)},
		{"action", isCode(l.Action)},
		{"outcome", isCode(l.Outcome)},
		{"target_type", l.TargetType == "" || isCode(l.TargetType)},
		{"at", len(at) == len(timeForm)}, // a year of five digits is longer
		{"claims", sortedSet(l.Claims) && all(l.Claims, isCode)},
		{"_sd", sortedSet(l.Digests) && all(l.Digests, isDigest)},
	} {
		if !f.ok {
			return fmt.Errorf("%w: the field %s is not of that form", ErrPublic, f.name)
		}
	}
	return nil
}

func all(list []string, ok func(string) bool) bool {
	for _, s := range list {
		if !ok(s) {
			return false
		}
	}
	return true
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
		v, err := publicEntry(m, key, depth)
		if err != nil {
			return nil, err
		}
		out[key] = v
	}
	return out, nil
}

func publicEntry(m map[string]any, key string, depth int) (any, error) {
	if !isName(key) {
		return nil, fmt.Errorf("%w: a key is not a name", ErrPublic)
	}
	v, err := publicValue(m[key], depth)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, key)
	}
	return v, nil
}

// publicValue gives a string, int64, bool or a map of these.
func publicValue(v any, depth int) (any, error) {
	switch known := v.(type) {
	case string:
		if publicString(known) {
			return v, nil
		}
		return nil, ErrPublic
	case time.Time:
		return formatTime(known), nil
	case json.Number:
		i, err := known.Int64()
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
	return isCode(s) || isID(s) || hashPattern.MatchString(s) || timePattern.MatchString(s)
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
