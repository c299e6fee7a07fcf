package sqlsource

import (
	"net/netip"
	"strconv"
)

const (
	pgFamilyV4 = 2
	pgFamilyV6 = 3
)

// appendInet writes inet and cidr as their own output does, which a cast to
// text does not: 10.0.0.1 becomes 10.0.0.1/32 there.
func appendInet(dst, value []byte) ([]byte, error) {
	if len(value) < 4 {
		return dst, errMalformed
	}
	address, ok := netip.AddrFromSlice(value[4:])
	bits := int(value[1])
	if !ok || int(value[3]) != len(value)-4 || bits > address.BitLen() || !familyFits(value[0], address) {
		return dst, errMalformed
	}
	dst = append(dst, '"')
	dst = appendAddress(dst, address)
	if cidr := value[2] != 0; cidr || bits < address.BitLen() {
		dst = append(dst, '/')
		dst = strconv.AppendInt(dst, int64(bits), 10)
	}
	return append(dst, '"'), nil
}

func familyFits(family byte, a netip.Addr) bool {
	return family == pgFamilyV4 && a.Is4() || family == pgFamilyV6 && !a.Is4()
}

// appendAddress writes ::10.0.0.1 with dots as PostgreSQL does; Go does so
// only for ::ffff:10.0.0.1.
func appendAddress(dst []byte, a netip.Addr) []byte {
	b := a.As16()
	for _, c := range b[:12] {
		if c != 0 {
			return a.AppendTo(dst)
		}
	}
	if a.Is4() || b[12] == 0 && b[13] == 0 {
		return a.AppendTo(dst)
	}
	dst = append(dst, "::"...)
	return netip.AddrFrom4([4]byte(b[12:])).AppendTo(dst)
}
