package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/privacyd/privacyd/auditlog"
)

// entry is what came of looking at one entry by itself.
type entry struct {
	hash      tlog.Hash
	index     int64  // as it says; -1: it does not say
	problem   string // why it is malformed, if its leaf was signed
	disclosed int    // disclosures that are the leaf's
	altered   bool   // a disclosure is not the leaf's
	hidden    int    // digests of the leaf that nothing was given for
	telling   []byte // a copy of the leaf, if it explains what is missing
}

// What is wrong with an entry.
const (
	wrongLeaf       = "its leaf is not written as leaves are"
	wrongLog        = "it says that it is another log's"
	wrongClaims     = "its disclosures are not those of the claims that its leaf names"
	wrongErased     = "what it calls erased is not what it lacks"
	wrongDisclosure = "a disclosure is not a list of salt, name and value"
)

// claimOwner is the name of the disclosure that says whom others are about; no
// leaf names it among its claims.
const claimOwner = "_owner"

// saltLetters is how many letters the 64 bytes of a salt have in base64url.
const saltLetters = 86

// checker looks at entries, one at a time.
type checker struct {
	log     string
	leaf    leaf
	sha     hash.Hash
	plain   []byte
	matched []bool // by digest
	given   []bool // by claim
}

func newChecker(log string) *checker { return &checker{log: log, sha: sha256.New()} }

func (c *checker) leafHash(b []byte) (h tlog.Hash) {
	c.sha.Reset()
	c.sha.Write([]byte{0})
	c.sha.Write(b)
	c.sha.Sum(h[:0])
	return h
}

// check looks at a leaf and its disclosures; erased are the claims that the
// export says it lacks, if it says so.
func (c *checker) check(b []byte, disclosures, erased [][]byte) entry {
	return c.checkHashed(b, c.leafHash(b), disclosures, erased)
}

// checkHashed is check for a leaf that was hashed.
func (c *checker) checkHashed(b []byte, hash tlog.Hash, disclosures, erased [][]byte) entry {
	if !c.leaf.readAll(b) {
		return entry{hash: hash, index: -1, problem: wrongLeaf}
	}
	return c.checkRead(b, hash, disclosures, erased)
}

// checkRead is check for a leaf that was hashed and read.
func (c *checker) checkRead(b []byte, hash tlog.Hash, disclosures, erased [][]byte) entry {
	e := entry{hash: hash, index: -1}
	if string(c.leaf.log) != c.log {
		e.problem = wrongLog
	}
	if a := c.leaf.action; string(a) == auditlog.ActionErased || string(a) == auditlog.ActionEpoch || c.log == "" && string(a) == auditlog.ActionCheckpoint {
		e.telling = bytes.Clone(b)
	}
	c.disclosures(&e, disclosures, erased)
	return e
}

func (c *checker) disclosures(e *entry, disclosures, erased [][]byte) {
	c.matched, c.given = cleared(c.matched, len(c.leaf.digests)), cleared(c.given, len(c.leaf.claims))
	for _, d := range disclosures {
		if !c.match(d) {
			e.altered = true
			continue
		}
		e.disclosed++
		if problem := c.claim(d); problem != "" {
			e.problem = problem
		}
	}
	hidden := len(c.leaf.digests) - e.disclosed
	missing, said := 0, erased != nil
	for i, given := range c.given {
		if given {
			continue
		}
		if said && (missing >= len(erased) || !bytes.Equal(erased[missing], c.leaf.claims[i])) {
			e.problem = wrongErased
		}
		missing++
	}
	if !e.altered {
		e.hidden = hidden
	}
	switch {
	case missing > hidden:
		e.problem = wrongClaims
	case said && missing != len(erased):
		e.problem = wrongErased
	}
}

func cleared(list []bool, n int) []bool {
	if cap(list) < n {
		return make([]bool, n)
	}
	list = list[:n]
	clear(list)
	return list
}

// match looks for the digest of a disclosure in the leaf; each may be used
// once.
func (c *checker) match(disclosure []byte) bool {
	sum := sha256.Sum256(disclosure)
	var digest [digestSize]byte
	base64.RawURLEncoding.Encode(digest[:], sum[:])
	for i, d := range c.leaf.digests {
		if string(d) == string(digest[:]) && !c.matched[i] {
			c.matched[i] = true
			return true
		}
	}
	return false
}

// claim notes which claim a disclosure is of, or says what is wrong.
func (c *checker) claim(disclosure []byte) string {
	name, ok := c.name(disclosure)
	if !ok {
		parsed, _, err := auditlog.ParseDisclosure(string(disclosure))
		if err != nil {
			return wrongDisclosure
		}
		name = []byte(parsed)
	}
	if string(name) == claimOwner {
		return ""
	}
	for i, claim := range c.leaf.claims {
		if bytes.Equal(claim, name) && !c.given[i] {
			c.given[i] = true
			return ""
		}
	}
	return wrongClaims
}

// name reads a disclosure in the form in which the product writes them. What
// is in another form is left to auditlog.ParseDisclosure.
func (c *checker) name(disclosure []byte) (name []byte, ok bool) {
	if most := len(disclosure) + decodeSlack; cap(c.plain) < most {
		c.plain = make([]byte, 2*most)
	}
	n, ok := decodeLetters(c.plain[:cap(c.plain)], disclosure)
	s := scanner{b: c.plain[:n]}
	ok = ok && s.skip(`["`) && s.salt() && s.skip(`","`) && s.text(&name, isClaim) && s.skip(`,`)
	if !ok || s.b[n-1] != ']' || s.at >= n {
		return nil, false
	}
	value := s.b[s.at : n-1]
	return name, isSimple(value) || json.Valid(value)
}

// salt reads 64 bytes in base64url, the last letter of which stands for four bits
// more than there are.
func (s *scanner) salt() bool {
	if len(s.b) < s.at+saltLetters {
		return false
	}
	b := s.b[s.at : s.at+saltLetters]
	s.at += saltLetters
	return areLetters(b) && sextets[b[saltLetters-1]]&0x0f == 0
}

func isClaim(b []byte) bool { return isCode(b) || string(b) == claimOwner }
