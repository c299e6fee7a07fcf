package vault

import (
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"time"

	"github.com/privacyd/privacyd"
)

// A record of the key store is 128 bytes, whatever it is: a wrapped key, or the
// fence that takes a destroyed key's place. One size lets a record be written
// over another, and keeps both within one disk sector.
//
//	key    magic 8 | epoch 4 | nonce 12 | wrapped key 32 | tag 16 | zeros
//	dated  magic 8 | epoch 4 | version 4 | time 8 (µs) | nonce 12 | wrapped key 32 or 64 | tag 16 | zeros
//	fence  magic 8 | time 8 (µs) | HMAC 32 | zeros
//	check  magic 8 | HMAC 32 | zeros
//
// The epoch says which key wraps it: of a workspace's key the root key's
// generation, of a person's the version of their workspace's key. Dated records
// are those of keys that are changed: a workspace's own, and what is kept of it
// once there is a newer version.
const (
	recordSize = 128
	magicSize  = 8
	keyMagic   = "pvdkey1\n"
	datedMagic = "pvdkey2\n"
	pastMagic  = "pvdpast\n" // of a former version: what opens data, no more what wraps keys
	turnMagic  = "pvdturn\n" // a root key's wrapping key, wrapped with that of the generation before
	fenceMagic = "pvdgone\n"
	checkMagic = "pvdchk1\n"

	ownerKeySize = 32
	wrapExtra    = 12 + 16 // nonce and tag
	wrappedSize  = ownerKeySize + wrapExtra
	datedHead    = magicSize + 4 + 4 + 8
)

var errRecord = errors.New("the record is not one of ours")

func pad(b []byte) []byte { return append(b, make([]byte, recordSize-len(b))...) }

func wrapKey(parent cipher.AEAD, reference string, epoch uint32, key []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte(keyMagic), epoch)
	return pad(parent.Seal(b, nil, key, wrapAAD(reference, epoch)))
}

func unwrapKey(parent cipher.AEAD, reference string, record []byte) ([]byte, error) {
	if !isRecord(record, keyMagic) {
		return nil, errRecord
	}
	const at = magicSize + 4
	return parent.Open(nil, nil, record[at:at+wrappedSize], wrapAAD(reference, epochOf(record)))
}

// epochOf tells which key a record of a key is wrapped with.
func epochOf(record []byte) uint32 {
	if len(record) != recordSize {
		return 0
	}
	return binary.BigEndian.Uint32(record[magicSize:])
}

func wrapAAD(reference string, epoch uint32) []byte {
	return binary.BigEndian.AppendUint32(bind("key", reference), epoch)
}

// dated is what a record of a key that is changed holds.
type dated struct {
	version uint32
	made    time.Time // zero: before this was noted
	secret  []byte    // the key, or of a former version what opens data
	past    bool      // it is of a former version and wraps no more keys
}

func (d dated) magic() string {
	if d.past {
		return pastMagic
	}
	return datedMagic
}

// wrapDated makes the record of a workspace's key.
func wrapDated(parent cipher.AEAD, reference string, epoch uint32, d dated) []byte {
	return wrapAs(d.magic(), parent, reference, epoch, d)
}

func wrapAs(magic string, parent cipher.AEAD, reference string, epoch uint32, d dated) []byte {
	b := binary.BigEndian.AppendUint32([]byte(magic), epoch)
	b = binary.BigEndian.AppendUint32(b, d.version)
	b = binary.BigEndian.AppendUint64(b, microsOf(d.made))
	return pad(parent.Seal(b, nil, d.secret, append(bind("key", reference), b...)))
}

func unwrapAs(magic string, parent cipher.AEAD, reference string, record []byte, size int) (d dated, err error) {
	if !isRecord(record, magic) {
		return d, errRecord
	}
	d.version = binary.BigEndian.Uint32(record[magicSize+4:])
	d.made = timeOf(binary.BigEndian.Uint64(record[magicSize+8:]))
	d.secret, err = parent.Open(nil, nil, record[datedHead:datedHead+size+wrapExtra], append(bind("key", reference), record[:datedHead]...))
	return d, err
}

// unwrapDated opens the record of a workspace's key in whatever form it is.
func unwrapDated(parent cipher.AEAD, reference string, record []byte) (d dated, err error) {
	switch {
	case isRecord(record, keyMagic):
		d.version = 1
		d.secret, err = unwrapKey(parent, reference, record)
	case isRecord(record, pastMagic):
		d, err = unwrapAs(pastMagic, parent, reference, record, 2*ownerKeySize)
		d.past = true
	default:
		d, err = unwrapAs(datedMagic, parent, reference, record, ownerKeySize)
	}
	return d, err
}

// versionOf tells the version of a workspace's key without opening its record:
// only to see whether it has changed.
func versionOf(record []byte) uint32 {
	if isRecord(record, keyMagic) {
		return 1
	}
	if len(record) != recordSize {
		return 0
	}
	return binary.BigEndian.Uint32(record[magicSize+4:])
}

func microsOf(at time.Time) uint64 {
	if at.IsZero() {
		return 0
	}
	return uint64(at.UnixMicro())
}

func timeOf(micros uint64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(micros)).UTC()
}

func isRecord(record []byte, magic string) bool {
	return len(record) == recordSize && string(record[:magicSize]) == magic
}

func fenceRecord(macKey []byte, reference string, at time.Time) []byte {
	b := binary.BigEndian.AppendUint64([]byte(fenceMagic), uint64(at.UnixMicro()))
	return pad(append(b, keyedHash(macKey, "fence", reference, string(b))...))
}

// isFence tells whether record is a fence that we made under this name. One
// that somebody else put there must not pass for an erasure.
func isFence(macKey []byte, reference string, record []byte) bool {
	if !isRecord(record, fenceMagic) {
		return false
	}
	const end = magicSize + 8
	return hmac.Equal(record[end:end+32], keyedHash(macKey, "fence", reference, string(record[:end])))
}

func checkRecord(root []byte) ([]byte, error) {
	k, err := derive(root, "check", 32)
	if err != nil {
		return nil, err
	}
	return pad(append([]byte(checkMagic), k...)), nil
}

func keyDamaged(err error) error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_damaged",
		"A key in the key store was changed or cut short. Restore the newest backup of the key store. (%w)", err)
}

func keyGone() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_missing",
		"A key is not in the key store, and no erasure took it away. Restore the newest backup of the key store.")
}
