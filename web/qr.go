package web

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

const qrMargin = 4 // modules of white around the code, as scanners need

// qrCode is a QR code as the path of an SVG of so many units each way.
type qrCode struct {
	Size int
	Path string
}

func newQR(text string) (qrCode, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return qrCode{}, fmt.Errorf("make a QR code: %w", err)
	}
	var path strings.Builder
	edge := code.Bounds().Dx()
	for y := range edge {
		for x := 0; x < edge; x++ {
			from := x
			for x < edge && code.At(x, y) == color.Black {
				x++
			}
			if x > from { // a run of black modules
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+qrMargin, y+qrMargin, x-from, x-from)
			}
		}
	}
	return qrCode{Size: edge + 2*qrMargin, Path: path.String()}, nil
}

func (q qrCode) viewBox() string { return fmt.Sprintf("0 0 %d %d", q.Size, q.Size) }
