package verify

import "fmt"

// Code says what kind of thing is wrong.
type Code string

// The codes.
const (
	Changed            Code = "changed"            // the entry is not the one that was signed
	Missing            Code = "missing"            // the entry was signed and is not there
	Added              Code = "added"              // the entry was not signed
	Reordered          Code = "reordered"          // the entry was signed, at another place
	Truncated          Code = "truncated"          // the last entries are not there
	Forked             Code = "forked"             // two histories were signed
	SignatureBad       Code = "signature_bad"      // a checkpoint's signature does not hold for this log
	KeyWrong           Code = "key_wrong"          // a checkpoint was signed with another key
	DisclosureAltered  Code = "disclosure_altered" // a disclosure is not the one that the entry was signed with
	DisclosureMissing  Code = "disclosure_missing" // a disclosure is not there and no erasure accounts for it
	ErasureUnsigned    Code = "erasure_unsigned"   // an erasure's entry that the instance did not sign: it excuses nothing
	Malformed          Code = "malformed"          // something cannot be read as what it should be
	defaultMaxFindings      = 1000
)

// Finding is something that is wrong. From and To are the numbers of the first
// and the last entry that it is about, as the signed log counts them, from 0;
// both are -1 if it is about no entry.
type Finding struct {
	Code   Code   `json:"code"`
	Epoch  int    `json:"epoch"` // 0: the whole export
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Detail string `json:"detail"` // one sentence, nothing personal
}

// String is the finding as a line of text.
func (f Finding) String() string {
	where := ""
	switch {
	case f.From >= 0 && f.To > f.From:
		where = fmt.Sprintf(" entries %d to %d", f.From, f.To)
	case f.From >= 0:
		where = fmt.Sprintf(" entry %d", f.From)
	}
	if f.Epoch > 1 {
		where += fmt.Sprintf(" of epoch %d", f.Epoch)
	}
	return string(f.Code) + where + ": " + f.Detail
}

// Epoch is what was verified of an epoch.
type Epoch struct {
	Epoch   int    `json:"epoch"`
	Origin  string `json:"origin"`
	Size    int64  `json:"size"` // entries, as the checkpoint says
	Root    string `json:"root"` // base64
	Entries int64  `json:"entries"`
}

// Loss is a loss that the log itself declares: a database was restored from a
// backup, and the entries From to To of an epoch are gone for good.
type Loss struct {
	Epoch int   `json:"epoch"`
	From  int64 `json:"from"`
	To    int64 `json:"to"`
}

// Forms of what was verified.
const (
	FormJSON  = "json"
	FormTiles = "tiles"
	FormProof = "proof"
)

// Report is what came of a verification.
type Report struct {
	Form        string         `json:"form"`
	Log         string         `json:"log"`      // its id; empty: the instance's own
	Complete    bool           `json:"complete"` // false: a part of the log, which says nothing about the rest
	Epochs      []Epoch        `json:"epochs"`
	Entries     int64          `json:"entries"`     // that were read
	Disclosures int64          `json:"disclosures"` // that are the signed ones
	Erased      int64          `json:"erased"`      // entries that have not all their disclosures any more
	Findings    []Finding      `json:"findings"`    // the first of them
	Total       int64          `json:"total"`       // of findings
	Codes       map[Code]int64 `json:"codes"`       // findings by code
	Losses      []Loss         `json:"losses"`
	Unchecked   []string       `json:"unchecked"` // what was asked for and cannot be told from this form

	Instance *Report `json:"instance,omitempty"` // of the instance's own log, if it was given

	most int
}

func newReport(form string, o Options) *Report {
	most := o.MaxFindings
	if most <= 0 {
		most = defaultMaxFindings
	}
	return &Report{
		Form: form, Complete: true, Epochs: []Epoch{}, Findings: []Finding{}, Codes: map[Code]int64{},
		Losses: []Loss{}, Unchecked: []string{}, most: most,
	}
}

// OK tells whether nothing was found, in the instance's own log neither.
func (r *Report) OK() bool { return r.Total == 0 && (r.Instance == nil || r.Instance.OK()) }

// Has tells whether something of that code was found.
func (r *Report) Has(c Code) bool { return r.Codes[c] > 0 }

// add takes a finding. One that goes on where the last one ended, or says the
// same, is joined to it.
func (r *Report) add(f Finding) {
	if n := len(r.Findings); n > 0 {
		last := &r.Findings[n-1]
		same := last.Code == f.Code && last.Epoch == f.Epoch && last.Detail == f.Detail
		if same && (last.From == f.From && last.To == f.To || f.From >= 0 && last.To+1 == f.From) {
			last.To = f.To
			return
		}
	}
	r.Total++
	r.Codes[f.Code]++
	if len(r.Findings) < r.most {
		r.Findings = append(r.Findings, f)
	}
}

// found adds a finding about one entry.
func (r *Report) found(c Code, epoch int, index int64, detail string) {
	r.add(Finding{Code: c, Epoch: epoch, From: index, To: index, Detail: detail})
}

// noted adds a finding about no entry.
func (r *Report) noted(c Code, epoch int, detail string) { r.found(c, epoch, -1, detail) }
