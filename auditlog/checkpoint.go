package auditlog

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Errors about keys and signed checkpoints.
var (
	// ErrKey: a text that is not a verifier key of an Ed25519 key.
	ErrKey = errors.New("that is not a verifier key of this kind: name+hash+key, the key Ed25519")
	// ErrCheckpoint: bytes that are not a checkpoint as C2SP tlog-checkpoint has it.
	ErrCheckpoint = errors.New("that is not a checkpoint")
	// ErrOrigin: a checkpoint of another log or epoch.
	ErrOrigin = errors.New("the checkpoint is another log's")
	// ErrOtherKey: a checkpoint that the key did not sign.
	ErrOtherKey = errors.New("the checkpoint is not signed with this key")
	// ErrSignature: a signature of the key's that does not hold.
	ErrSignature = errors.New("the checkpoint's signature does not hold")
)

// InstanceLog is what the instance's own log, whose id is empty, is called in
// origins and among published checkpoints.
const InstanceLog = "instance"

const originPrefix = "privacyd-"

var originPattern = regexp.MustCompile(`^privacyd-([0-9a-f]{16})/([0-9a-z][0-9a-z-]{0,63})(?:/([1-9][0-9]{0,8}))?$`)

// LogName is InstanceLog for the instance's own log and the log's id for any
// other.
func LogName(log string) string {
	if log == "" {
		return InstanceLog
	}
	return log
}

// Fingerprint names a public key: 16 hex digits of its SHA-256.
func Fingerprint(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

// Origin is the first line of the checkpoints of one epoch of a log, and the
// name of the key that signs them: "privacyd-<fingerprint>/<log>", and
// "…/<epoch>" from the second epoch on.
func Origin(public ed25519.PublicKey, log string, epoch int) string {
	origin := originPrefix + Fingerprint(public) + "/" + LogName(log)
	if epoch > 1 {
		origin += "/" + strconv.Itoa(epoch)
	}
	return origin
}

// ParseOrigin reads what Origin wrote. Errors are ErrOrigin.
func ParseOrigin(origin string) (fingerprint, log string, epoch int, err error) {
	m := originPattern.FindStringSubmatch(origin)
	if m == nil || m[3] == "1" {
		return "", "", 0, fmt.Errorf("%w: its origin is not one of privacyd's", ErrOrigin)
	}
	epoch = 1
	if m[3] != "" {
		if epoch, err = strconv.Atoi(m[3]); err != nil {
			return "", "", 0, fmt.Errorf("%w: its epoch is not a number", ErrOrigin)
		}
	}
	if m[2] != InstanceLog {
		log = m[2]
	}
	return m[1], log, epoch, nil
}

// VerifierKey is the key that checks the checkpoints of an origin, in the form
// of golang.org/x/mod/sumdb/note: name+hash+key. It is empty if public is not
// an Ed25519 key.
func VerifierKey(public ed25519.PublicKey, origin string) string {
	vkey, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return ""
	}
	return vkey
}

// ParseKey gives the public key of any verifier key of it, of whichever log
// and epoch: an instance signs all its logs with one key. Errors are ErrKey.
func ParseKey(vkey string) (ed25519.PublicKey, error) {
	if _, err := note.NewVerifier(vkey); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrKey, err)
	}
	// The name of a key holds no "+", its base64 may.
	parts := strings.SplitN(vkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrKey, err)
	}
	return ed25519.PublicKey(key[1:]), nil
}

// noteSigner signs notes with a key that need not leave where it is kept.
type noteSigner struct {
	note.Verifier
	key crypto.Signer
}

func (s noteSigner) Sign(msg []byte) ([]byte, error) {
	return s.key.Sign(rand.Reader, msg, crypto.Hash(0))
}

// SignCheckpoint signs the checkpoint of a tree of size leaves (C2SP
// tlog-checkpoint), with extension lines if there are any. The signer's key must
// be Ed25519.
func SignCheckpoint(signer crypto.Signer, origin string, size int64, root [32]byte, extensions ...string) ([]byte, error) {
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("sign a checkpoint: the key is not Ed25519")
	}
	v, err := note.NewVerifier(VerifierKey(public, origin))
	if err != nil {
		return nil, fmt.Errorf("sign a checkpoint: %w", err)
	}
	text := origin + "\n" + strconv.FormatInt(size, 10) + "\n" + tlog.Hash(root).String() + "\n"
	for _, line := range extensions {
		text += line + "\n"
	}
	signed, err := note.Sign(&note.Note{Text: text}, noteSigner{v, signer})
	if err != nil {
		return nil, fmt.Errorf("sign a checkpoint: %w", err)
	}
	return signed, nil
}

// ParseCheckpoint checks that the key signed a checkpoint of that origin and
// gives what it says. Further signatures and extension lines are passed over.
// Errors are ErrCheckpoint, ErrOrigin, ErrOtherKey and ErrSignature.
func ParseCheckpoint(signed []byte, public ed25519.PublicKey, origin string) (size int64, root [32]byte, err error) {
	v, err := note.NewVerifier(VerifierKey(public, origin))
	if err != nil {
		return 0, root, fmt.Errorf("%w (%w)", ErrKey, err)
	}
	found, size, root, err := ReadCheckpoint(signed)
	if err != nil {
		return 0, root, err
	}
	if found != origin {
		return 0, root, ErrOrigin
	}
	if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
		return 0, root, noteError(err)
	}
	return size, root, nil
}

func noteError(err error) error {
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		return ErrOtherKey
	case errors.As(err, &invalid):
		return ErrSignature
	}
	return fmt.Errorf("%w (%w)", ErrCheckpoint, err)
}

// ReadCheckpoint gives what a checkpoint says, without any check of who signed
// it: whoever is to be believed must go through ParseCheckpoint. Errors are
// ErrCheckpoint.
func ReadCheckpoint(signed []byte) (origin string, size int64, root [32]byte, err error) {
	text, _, ok := strings.Cut(string(signed), "\n\n")
	lines := strings.Split(text, "\n")
	if !ok || len(lines) < 3 || lines[0] == "" {
		return "", 0, root, fmt.Errorf("%w: it has not an origin, a size, a root and signatures", ErrCheckpoint)
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return "", 0, root, fmt.Errorf("%w: its second line is not a size", ErrCheckpoint)
	}
	hash, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(hash) != len(root) || base64.StdEncoding.EncodeToString(hash) != lines[2] {
		return "", 0, root, fmt.Errorf("%w: its third line is not a root", ErrCheckpoint)
	}
	return lines[0], size, [32]byte(hash), nil
}
