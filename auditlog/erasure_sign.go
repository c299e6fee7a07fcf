package auditlog

import (
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ErrErasureUnsigned: an erasure's entry that the key did not sign as it
// stands.
var ErrErasureUnsigned = errors.New("the entry of an erasure is not signed with this key")

const (
	publicSignature = "signature"
	// What a signature of an erasure begins with, so that it signs nothing else: no
	// checkpoint, no receipt.
	erasureLabel = "privacyd-erasure-entry v1\n"
	signedLine   = "erasures-signed-from "
)

// ErasuresSigned is the extension line of a checkpoint that says from which
// entry of its epoch on whoever reads the log must believe signed erasures
// alone.
func ErasuresSigned(from int64) string { return signedLine + strconv.FormatInt(from, 10) }

// ErasuresSignedFrom finds that line in a checkpoint. It checks no signature:
// see ParseCheckpoint.
func ErasuresSignedFrom(signed []byte) (from int64, ok bool) {
	text, _, _ := strings.Cut(string(signed), "\n\n")
	for i, line := range strings.Split(text, "\n") {
		number, found := strings.CutPrefix(line, signedLine)
		if i < 3 || !found {
			continue
		}
		if n, err := strconv.ParseInt(number, 10, 64); err == nil && n >= 0 {
			return n, true
		}
	}
	return 0, false
}

// erasuresSigned is that line for the next checkpoint of a tree that grows by
// entries: the same as in the last one or, where that has none, from the first
// entry on that was written since erasures are signed. As long as there are but
// others there is none: more of them may wait.
func (t Tip) erasuresSigned(entries []Waiting) []string {
	if from, ok := ErasuresSignedFrom(t.Checkpoint); ok {
		return []string{ErasuresSigned(from)}
	}
	if i := slices.IndexFunc(entries, func(w Waiting) bool { return !w.Old }); i >= 0 {
		return []string{ErasuresSigned(t.Size + int64(i))}
	}
	return nil
}

// signErasure puts the signature into the leaf of an erasure, which else
// anybody could write who may add a row, to excuse disclosures that they then
// delete. It covers the log and the whole leaf, with its id: it holds for no
// other log, entry or range.
func signErasure(signer crypto.Signer, l *Leaf) error {
	if signer == nil {
		return errors.New("sign the entry of an erasure: there is no key to sign with")
	}
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("sign the entry of an erasure: the key is not Ed25519")
	}
	text, err := erasureText(l, public)
	if err != nil {
		return err
	}
	signature, err := signer.Sign(nil, text, crypto.Hash(0))
	if err != nil {
		return fmt.Errorf("sign the entry of an erasure: %w", err)
	}
	l.Public = maps.Clone(l.Public)
	if l.Public == nil {
		l.Public = map[string]any{}
	}
	l.Public[publicSignature] = hex.EncodeToString(signature)
	return nil
}

// erasureText is what is signed: a label, the origin of the log's first epoch,
// and the leaf as it is written without the signature.
func erasureText(l *Leaf, public ed25519.PublicKey) ([]byte, error) {
	bare := *l
	bare.Public = maps.Clone(l.Public)
	delete(bare.Public, publicSignature)
	text, err := bare.Encode()
	if err != nil {
		return nil, err
	}
	return append([]byte(erasureLabel+Origin(public, l.Log, 1)+"\n"), text...), nil
}

// CheckErasure tells whether the key signed an erasure's entry as it stands;
// signed is false where there is no signature at all, as once was so. Errors
// are ErrLeaf and ErrErasureUnsigned.
func CheckErasure(leaf []byte, key ed25519.PublicKey) (signed bool, err error) {
	l, err := ParseLeaf(leaf)
	if err != nil {
		return false, err
	}
	said, signed := l.Public[publicSignature]
	if !signed {
		return false, nil
	}
	text, err := erasureText(l, key)
	if err != nil {
		return true, err
	}
	inHex, _ := said.(string)
	signature, err := hex.DecodeString(inHex)
	if err != nil || l.Action != ActionErased || !ed25519.Verify(key, text, signature) {
		return true, ErrErasureUnsigned
	}
	return true, nil
}
