package privacyd

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxReceipt is the size of the largest receipt in bytes.
const MaxReceipt = 4 << 20

const (
	maxTreeDepth = 8
	maxWhole     = 1<<53 - 1 // what every JSON reader takes exactly
)

// VerifyReceipt reads a receipt's file and checks its signature with the
// instance's public key. It needs nothing else.
//
// Codes: receipt_malformed when it is no receipt, or cut short;
// receipt_format_unknown when another version made it; receipt_unsigned;
// receipt_key_wrong when it was signed with another key than the one given;
// receipt_altered when it is not what was signed.
func VerifyReceipt(file []byte, key ed25519.PublicKey) (*Receipt, error) {
	if len(file) > MaxReceipt {
		return nil, receiptMalformed(errors.New("it is too large"))
	}
	tree, err := parseTree(file)
	if err != nil {
		return nil, receiptMalformed(err)
	}
	if format, _ := tree["format"].(string); format != ReceiptFormat {
		return nil, Errorf(ClassInvalid, "receipt_format_unknown",
			"That is not a receipt of the form %s. Check the file, or use the version of privacyd that made it.", ReceiptFormat)
	}
	if err := checkSignature(tree, key); err != nil {
		return nil, err
	}
	var r Receipt
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return nil, receiptMalformed(err)
	}
	return &r, nil
}

func receiptMalformed(cause error) error {
	return Errorf(ClassInvalid, "receipt_malformed", "That is not a receipt: it was changed, cut short, or is another file.").Because(cause)
}

func checkSignature(tree map[string]any, key ed25519.PublicKey) error {
	member, ok := tree["signature"].(map[string]any)
	if !ok {
		return Errorf(ClassInvalid, "receipt_unsigned", "The receipt has no signature: it proves nothing.")
	}
	text := func(name string) string { s, _ := member[name].(string); return s }
	value, err := base64.StdEncoding.Strict().DecodeString(text("value"))
	if err != nil || len(member) != 3 || text("algorithm") != receiptAlgorithm || len(value) != ed25519.SignatureSize {
		return receiptMalformed(errors.New("the signature is malformed"))
	}
	if len(key) != ed25519.PublicKeySize || text("key_id") != KeyID(key) {
		return Errorf(ClassInvalid, "receipt_key_wrong",
			"The receipt was signed with another key than the one given. Use the key of the instance that made it.")
	}
	signed := maps.Clone(tree)
	delete(signed, "signature")
	message, err := canonicalJSON([]byte(receiptPrefix), signed)
	if err != nil {
		return receiptMalformed(err)
	}
	if !ed25519.Verify(key, message, value) {
		return Errorf(ClassInvalid, "receipt_altered", "The receipt is not what was signed: something in it was changed.")
	}
	return nil
}

// parseTree reads one JSON object strictly: valid UTF-8, no member twice, no
// fractions, nothing after it, bounded depth.
func parseTree(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := parseValue(d, 0)
	if err != nil {
		return nil, err
	}
	tree, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("it is not an object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return tree, nil
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxTreeDepth {
		return nil, errors.New("it is nested too deeply")
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '{' {
			return parseObject(d, depth)
		}
		return parseArray(d, depth)
	case json.Number:
		return whole(t)
	case nil:
		return nil, errors.New("null has no place in it")
	default:
		return t, nil
	}
}

func parseObject(d *json.Decoder, depth int) (map[string]any, error) {
	object := map[string]any{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if _, twice := object[name]; !ok || twice {
			return nil, errors.New("a member comes twice")
		}
		if object[name], err = parseValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

func parseArray(d *json.Decoder, depth int) ([]any, error) {
	array := []any{}
	for d.More() {
		v, err := parseValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, v)
	}
	_, err := d.Token()
	return array, err
}

func whole(n json.Number) (int64, error) {
	v, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil || strconv.FormatInt(v, 10) != n.String() || v > maxWhole || v < -maxWhole {
		return 0, errors.New("a number is not a whole one")
	}
	return v, nil
}

// canonicalJSON appends a value to b in the one form that is signed.
func canonicalJSON(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case map[string]any:
		return canonicalObject(b, v)
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = canonicalJSON(b, e); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case string:
		return canonicalText(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	default:
		return nil, fmt.Errorf("a value of the type %T has no canonical form", v)
	}
}

func canonicalObject(b []byte, object map[string]any) ([]byte, error) {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(object)) {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = canonicalText(b, name); err != nil {
			return nil, err
		}
		if b, err = canonicalJSON(append(b, ':'), object[name]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

var textEscapes = strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`)

// canonicalText refuses what JSON writers escape differently.
func canonicalText(b []byte, s string) ([]byte, error) {
	odd := func(r rune) bool { return r != '\n' && (r < 0x20 || r == 0x7f || r == '\u2028' || r == '\u2029') }
	if strings.ContainsFunc(s, odd) {
		return nil, errors.New("a text holds a control character")
	}
	b = append(b, '"')
	b = append(b, textEscapes.Replace(s)...)
	return append(b, '"'), nil
}
