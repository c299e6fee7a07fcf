package auditlog_test

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/vault"
)

// TestDigestKnownAnswer is the example of RFC 9901, section 4.2.3.
func TestDigestKnownAnswer(t *testing.T) {
	const disclosure = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
	if got := auditlog.Digest(disclosure); got != "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0" {
		t.Errorf("digest %s", got)
	}
}

func coded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestParseDisclosure(t *testing.T) {
	salt := strings.Repeat("A", 86)
	name, value, err := auditlog.ParseDisclosure(coded(`["` + salt + `","ip",{"a":[1]}]`))
	if err != nil || name != "ip" || string(value) != `{"a":[1]}` {
		t.Errorf("%q %s %v", name, value, err)
	}
	for what, d := range map[string]string{
		"nothing":      "",
		"not base64":   "=",
		"padded":       coded(`["`+salt+`","ip",1]`) + "=",
		"not a list":   coded(`{"ip":1}`),
		"two parts":    coded(`["` + salt + `","ip"]`),
		"four parts":   coded(`["` + salt + `","ip",1,2]`),
		"short salt":   coded(`["AAAA","ip",1]`),
		"no salt":      coded(`[null,"ip",1]`),
		"number name":  coded(`["` + salt + `",7,1]`),
		"null name":    coded(`["` + salt + `",null,1]`),
		"capital name": coded(`["` + salt + `","Anna",1]`),
		"something on": coded(`["` + salt + `","ip",1] 2`),
	} {
		if _, _, err := auditlog.ParseDisclosure(d); !errors.Is(err, auditlog.ErrDisclosure) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzParseDisclosure(f *testing.F) {
	f.Add(coded(`["` + strings.Repeat("A", 86) + `","ip","192.0.2.1"]`))
	f.Add(coded(`[[],{},null]`))
	f.Fuzz(func(t *testing.T, d string) {
		name, value, err := auditlog.ParseDisclosure(d)
		if err == nil && (name == "" || !json.Valid(value)) {
			t.Errorf("%q gives %q and %q", d, name, value)
		}
		if _, err := auditlog.Check([]byte(wantLeaf), []string{d}); err == nil {
			t.Errorf("%q passes for a leaf that it is not of", d)
		}
	})
}

func TestCheck(t *testing.T) {
	b := newBench(t)
	b.append(t, record())
	b.append(t, record())
	all := b.list(t)
	o, other := all[0], all[1]
	changed := slices.Clone(o.Disclosures)
	changed[2] = coded(`["` + strings.Repeat("A", 86) + `","ip","192.0.2.8"]`)
	for name, tc := range map[string]struct {
		leaf        []byte
		disclosures []string
		want        error
		hidden      int
		missing     int
	}{
		"all":          {o.Leaf, o.Disclosures, nil, 0, 0},
		"none":         {o.Leaf, nil, nil, 8, 6},
		"some":         {o.Leaf, o.Disclosures[:4], nil, 4, 3},
		"changed":      {o.Leaf, changed, auditlog.ErrDisclosure, 0, 0},
		"twice":        {o.Leaf, append(slices.Clone(o.Disclosures), o.Disclosures[0]), auditlog.ErrDisclosure, 0, 0},
		"other leaf's": {o.Leaf, other.Disclosures, auditlog.ErrDisclosure, 0, 0},
		"broken leaf":  {o.Leaf[1:], o.Disclosures, auditlog.ErrLeaf, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := auditlog.Check(tc.leaf, tc.disclosures)
			if !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err == nil && (c.Hidden != tc.hidden || len(c.Missing) != tc.missing) {
				t.Errorf("hidden %d, missing %v", c.Hidden, c.Missing)
			}
		})
	}
}

func TestCheckClaimWithoutDigest(t *testing.T) {
	l := someLeaf()
	l.Claims, l.Digests = []string{"actor", "ip"}, l.Digests[:1]
	b, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auditlog.Check(b, nil); !errors.Is(err, auditlog.ErrLeaf) {
		t.Errorf("a leaf with more claims than digests: %v", err)
	}
}

func TestWriteCSV(t *testing.T) {
	b := newBench(t)
	b.append(t, record())
	r := record()
	r.Private[0].Value, r.Private[3].Value = `=HYPERLINK("x")`, "+49"
	r.Private = slices.Delete(r.Private, 1, 2)
	b.append(t, r)
	b.append(t, auditlog.Record{Log: someLog, At: noon, Action: "export.expire", Outcome: "done", Public: map[string]any{"actor_kind": "system"}})
	var out bytes.Buffer
	if _, err := auditlog.WriteCSV(&out, b.List(t.Context(), auditlog.Query{Log: someLog}), auditlog.Export{}); err != nil {
		t.Fatal(err)
	}
	want := "Timestamp,Actor,Action,Target type,Target id,IP,Changes\r\n" +
		"2026-03-01T12:00:00.123456Z,system,export.expire,,,,\r\n" +
		`2026-03-01T12:00:00.123456Z,"'=HYPERLINK(""x"")",subject.export,contact,'+49,192.0.2.7,"{""days"":[30,90]}"` + "\r\n" +
		`2026-03-01T12:00:00.123456Z,Ben <ben@example.com>,subject.export,contact,anna-7,192.0.2.7,"{""days"":[30,90]}"` + "\r\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestWriteCSVErased(t *testing.T) {
	b := newBench(t)
	b.append(t, record())
	shred(t, b, vault.Owner{Kind: "account", ID: "ben-9"})
	shred(t, b, vault.Owner{Workspace: someLog, Kind: "contact", ID: "anna-7"})
	var out bytes.Buffer
	if _, err := auditlog.WriteCSV(&out, b.List(t.Context(), auditlog.Query{Log: someLog}), auditlog.Export{}); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2026-03-01T12:00:00.123456Z", "(erased)", "subject.export", "contact", "(erased)", "(erased)", `{"days":[30,90]}`}
	if diff := cmp.Diff(want, rows[1]); diff != "" {
		t.Error(diff)
	}
}

// TestCheckedByHand proves an exported entry with coreutils alone.
func TestCheckedByHand(t *testing.T) {
	b := newBench(t)
	b.append(t, record())
	o := b.list(t)[0]
	sha := func(data []byte) []byte {
		c := exec.Command("sha256sum")
		c.Stdin = bytes.NewReader(data)
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		sum, err := hex.DecodeString(string(out[:64]))
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if !bytes.Equal(sha(append([]byte{0}, o.Leaf...)), o.LeafHash[:]) {
		t.Error("sha256sum gives another leaf hash")
	}
	for _, d := range o.Disclosures {
		if !bytes.Contains(o.Leaf, []byte(base64.RawURLEncoding.EncodeToString(sha([]byte(d))))) {
			t.Error("sha256sum gives a digest that is not in the leaf")
		}
	}
}

// TestWriteCSVDamaged goes on after an entry that was tampered with, and after
// one whose key is damaged if that is to be tolerated.
func TestWriteCSVDamaged(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.append(t, record())
	}
	keyDamaged := errors.New("the key is damaged")
	middle := func(failed error) iter.Seq2[auditlog.Opened, error] {
		return func(yield func(auditlog.Opened, error) bool) {
			n := 0
			for o, err := range b.List(t.Context(), auditlog.Query{Log: someLog}) {
				if n++; n == 2 {
					o, err = auditlog.Opened{ID: o.ID, Log: o.Log}, failed
				}
				if !yield(o, err) {
					return
				}
			}
		}
	}
	tolerant := auditlog.Export{Tolerate: func(err error) bool { return errors.Is(err, keyDamaged) }}
	for _, failed := range []error{auditlog.ErrHash, auditlog.ErrDisclosure, keyDamaged} {
		var out bytes.Buffer
		written, err := auditlog.WriteCSV(&out, middle(failed), tolerant)
		if diff := cmp.Diff(auditlog.Written{Entries: 3, Damaged: 1}, written); err != nil || diff != "" {
			t.Errorf("%v: %v %s", failed, err, diff)
		}
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(rows) != 4 {
			t.Fatalf("%v: %d rows, %v", failed, len(rows), err)
		}
		if rows[1][2] != "subject.export" || rows[2][2] != "(damaged)" || rows[3][2] != "subject.export" {
			t.Errorf("%v: %v", failed, rows)
		}
	}
	if _, err := auditlog.WriteCSV(io.Discard, middle(errors.New("the key store is away")), tolerant); err == nil {
		t.Error("a trouble that passes was taken for damage")
	}
}

func TestWriteFails(t *testing.T) {
	broken := errors.New("broken")
	failing := func(yield func(auditlog.Opened, error) bool) { yield(auditlog.Opened{}, broken) }
	if _, err := auditlog.WriteCSV(io.Discard, failing, auditlog.Export{}); !errors.Is(err, broken) {
		t.Errorf("entries that cannot be read: %v", err)
	}
	b := newBench(t)
	b.append(t, record())
	if _, err := auditlog.WriteCSV(brokenWriter{broken}, b.List(t.Context(), auditlog.Query{Log: someLog}), auditlog.Export{}); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }
