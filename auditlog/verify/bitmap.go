package verify

import (
	"iter"
	"math/bits"
	"slices"
)

const pageBits = 1 << 16

// bitmap is a set of indexes, at most an eighth of a byte each where they lie
// close together.
type bitmap struct {
	pages map[int64]*[pageBits / 64]uint64
	count int64
}

func (b *bitmap) set(index int64) {
	if b.pages == nil {
		b.pages = map[int64]*[pageBits / 64]uint64{}
	}
	page := b.pages[index/pageBits]
	if page == nil {
		page = new([pageBits / 64]uint64)
		b.pages[index/pageBits] = page
	}
	word, bit := &page[index%pageBits/64], uint64(1)<<(index%64)
	if *word&bit == 0 {
		*word |= bit
		b.count++
	}
}

// all gives the indexes in their order.
func (b *bitmap) all() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		var numbers []int64
		for n := range b.pages {
			numbers = append(numbers, n)
		}
		slices.Sort(numbers)
		for _, n := range numbers {
			for i, word := range b.pages[n] {
				for ; word != 0; word &= word - 1 {
					if !yield(n*pageBits + int64(i*64+bits.TrailingZeros64(word))) {
						return
					}
				}
			}
		}
	}
}
