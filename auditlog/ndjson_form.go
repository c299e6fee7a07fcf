package auditlog

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"time"
)

// What a JSON export begins with, and how long what is exported may be, in
// bytes: whoever verifies it reads no more than this into memory.
const (
	ExportFormat   = "privacyd-audit-log"
	ExportVersion  = 1
	MaxLine        = 16 << 20 // an entry with its disclosures
	MaxDisclosures = 64 << 20 // PartDisclosures: of 256 entries
)

// ErrLine: entries whose disclosures are too long to be exported.
var ErrLine = errors.New("the disclosures of audit entries are longer than an export may have them")

// ExportHeader is the first line of a JSON export.
type ExportHeader struct {
	Format  string            `json:"format"`
	Version int               `json:"version"`
	Log     string            `json:"log"` // empty: the instance's own
	Key     string            `json:"key"` // a verifier key; whoever checks must have it from elsewhere
	At      time.Time         `json:"exported_at"`
	Filter  map[string]string `json:"filter,omitempty"` // none: the export has every entry
	Epochs  []ExportEpoch     `json:"epochs"`
}

// ExportEpoch is what a JSON export says of an epoch before its entries.
type ExportEpoch struct {
	Epoch      int      `json:"epoch"`
	Origin     string   `json:"origin"`
	Checkpoint string   `json:"checkpoint"`      // the newest: a signed note
	Older      []string `json:"older,omitempty"` // the smallest first
	Next       *Ended   `json:"next,omitempty"`  // what the epoch after it says of it; none: there is none
}

// Ended is what the first entry of an epoch says of the one before.
type Ended struct {
	Size  int64  `json:"size"`  // of the checkpoint that was published
	Root  string `json:"root"`  // hex
	Found int64  `json:"found"` // leaves that the epoch had when it was ended
}

// ParseEnded reads the public values of an entry with ActionEpoch, and which
// epoch they are about.
func ParseEnded(public map[string]any) (epoch int, e Ended, ok bool) {
	number, ok1 := public[PublicEpoch].(int64)
	size, ok2 := public[PublicSize].(int64)
	found, ok3 := public[PublicFound].(int64)
	root, _ := public[PublicRoot].(string)
	raw, err := hex.DecodeString(root)
	ok = ok1 && ok2 && ok3 && err == nil && len(raw) == 32 && number > 0 && size >= 0 && found >= 0
	return int(number), Ended{Size: size, Root: root, Found: found}, ok
}

// ExportLater is the line of a JSON export after which entries are proven to
// be in a checkpoint that is newer than the one in the header.
type ExportLater struct {
	Epoch       int      `json:"epoch"`
	Checkpoint  string   `json:"checkpoint"`
	Consistency [][]byte `json:"consistency"` // from the checkpoint in the header to this one
}

// appendEntry writes the line of an entry: {"epoch", "index", "leaf",
// "disclosures", "erased", "proof"}, the last three where there are any. The
// value of "leaf" is the leaf to the letter.
func appendEntry(b []byte, epoch int, p Positioned, proof [][32]byte) []byte {
	b = strconv.AppendInt(append(b, `{"epoch":`...), int64(epoch), 10)
	b = strconv.AppendInt(append(b, `,"index":`...), p.Index, 10)
	b = appendLeaf(b, p)
	b = appendTexts(b, `,"disclosures":[`, p.Disclosures)
	b = appendTexts(b, `,"erased":[`, p.Erased)
	if proof != nil {
		b = append(b, `,"proof":[`...)
		for i := range proof {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(base64.StdEncoding.AppendEncode(append(b, '"'), proof[i][:]), '"')
		}
		b = append(b, ']')
	}
	return append(b, "}\n"...)
}

// appendLeaf writes a leaf as the JSON that it is. Bytes that were tampered
// with and would not fit into a line of JSON stand in base64 instead.
func appendLeaf(b []byte, p Positioned) []byte {
	if p.LeafHash == [32]byte{} && (!json.Valid(p.Leaf) || p.Leaf[0] != '{' || bytes.ContainsAny(p.Leaf, "\r\n")) {
		return append(base64.StdEncoding.AppendEncode(append(b, `,"bytes":"`...), p.Leaf), '"')
	}
	return append(append(b, `,"leaf":`...), p.Leaf...)
}

// appendTexts writes texts that need no escapes.
func appendTexts(b []byte, name string, texts []string) []byte {
	if len(texts) == 0 {
		return b
	}
	b = append(b, name...)
	for i, t := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), t...), '"')
	}
	return append(b, ']')
}
