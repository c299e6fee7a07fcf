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
// fence that takes a destroyed key's place. One size lets a fence be written
// over a key, and keeps both within one disk sector.
//
//	key    magic 8 | epoch 4 | nonce 12 | wrapped key 32 | tag 16 | zeros
//	fence  magic 8 | time 8 (µs) | HMAC 32 | zeros
//	check  magic 8 | HMAC 32 | zeros
const (
	recordSize = 128
	magicSize  = 8
	keyMagic   = "pvdkey1\n"
	fenceMagic = "pvdgone\n"
	checkMagic = "pvdchk1\n"

	ownerKeySize = 32
	wrappedSize  = 12 + ownerKeySize + 16
	epoch        = 1 // of the wrapping key; a later version may change it key by key
)

var errRecord = errors.New("the record is not one of ours")

func pad(b []byte) []byte { return append(b, make([]byte, recordSize-len(b))...) }

func wrapKey(parent cipher.AEAD, reference string, key []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte(keyMagic), epoch)
	return pad(parent.Seal(b, nil, key, wrapAAD(reference, epoch)))
}

func unwrapKey(parent cipher.AEAD, reference string, record []byte) ([]byte, error) {
	if !isRecord(record, keyMagic) {
		return nil, errRecord
	}
	e := binary.BigEndian.Uint32(record[magicSize:])
	const at = magicSize + 4
	return parent.Open(nil, nil, record[at:at+wrappedSize], wrapAAD(reference, e))
}

func wrapAAD(reference string, epoch uint32) []byte {
	return binary.BigEndian.AppendUint32(bind("key", reference), epoch)
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
