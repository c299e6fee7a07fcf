package pages

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"slices"
)

const block = aes.BlockSize

// opener decrypts sectors as xts.Cipher does, in two fifths of the time: that
// one has AES decrypt block by block, each with its own checks. CBC takes them
// all in one call, and what it adds to XTS, each block XORed with the one that
// was read before, is taken off again.
type opener struct {
	tweak cipher.Block     // makes the mask of a sector's first block
	chain cipher.BlockMode // decrypts blocks; goes on from the last of the call before
	masks []byte           // of each block
	read  []byte           // the last block of the call before, then the masked ones of this
}

func newOpener(key []byte) (*opener, error) {
	data, err := aes.NewCipher(key[:len(key)/2])
	if err != nil {
		return nil, fmt.Errorf("take a key: %w", err)
	}
	tweak, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil, fmt.Errorf("take a key: %w", err)
	}
	first := make([]byte, block)
	return &opener{tweak: tweak, chain: cipher.NewCBCDecrypter(data, first), read: first}, nil
}

// open decrypts whole sectors, the first of which has a number, in place.
func (o *opener) open(sectors []byte, number uint64) {
	size := len(sectors)
	o.masks = slices.Grow(o.masks[:0], size)[:size]
	o.read = slices.Grow(o.read[:block], size)[:block+size]
	for at := 0; at < size; at += sector {
		o.mask(o.masks[at:at+sector], number)
		number++
	}
	masked := o.read[block:]
	subtle.XORBytes(masked, sectors, o.masks)
	o.chain.CryptBlocks(sectors, masked)
	subtle.XORBytes(sectors, sectors, o.read[:size])
	subtle.XORBytes(sectors, sectors, o.masks)
	copy(o.read, masked[size-block:])
}

// mask writes the masks of a sector's blocks: its number encrypted, and each
// after the first twice the one before in GF(2^128), as IEEE 1619 has it.
func (o *opener) mask(masks []byte, number uint64) {
	clear(masks[:block])
	binary.LittleEndian.PutUint64(masks, number)
	o.tweak.Encrypt(masks[:block], masks[:block])
	low, high := binary.LittleEndian.Uint64(masks), binary.LittleEndian.Uint64(masks[8:])
	for at := block; at < len(masks); at += block {
		carry := high >> 63
		high = high<<1 | low>>63
		low = low<<1 ^ carry*0x87
		binary.LittleEndian.PutUint64(masks[at:], low)
		binary.LittleEndian.PutUint64(masks[at+8:], high)
	}
}
