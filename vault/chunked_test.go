package vault

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func TestKnownAnswers(t *testing.T) {
	for _, k := range known() {
		t.Run(k.name, func(t *testing.T) {
			ct := k.ciphertext(t)
			s, _, err := newStream([]byte(knownKey), ct[:saltSize], "")
			if err != nil || hex.EncodeToString(s.base[:]) != k.nonce {
				t.Errorf("base nonce %x, %v", s.base, err)
			}
			plain := decrypt(t, []byte(knownKey), "", ct)
			if sum := sha512.Sum512(plain); int64(len(plain)) != k.size || hex.EncodeToString(sum[:]) != k.plainSHA512 {
				t.Errorf("decrypted %d bytes with digest %x", len(plain), sum)
			}
			if again := encrypt(t, []byte(knownKey), ct[:saltSize], "", plain, len(plain)+1); !bytes.Equal(again, ct) {
				t.Error("encrypting the plaintext with the same salt gives other bytes")
			}
		})
	}
}

// independent encrypts by the specification, with nothing of ours.
func independent(t *testing.T, key, salt []byte, context string, plain []byte) []byte {
	t.Helper()
	info := "c2sp.org/chunked-encryption@v1+" + "AEAD_AES_256_GCM" + "\x00" + string(salt) + context
	m := hmac.New(sha512.New, key)
	m.Write([]byte(info + "\x01"))
	first := m.Sum(nil)
	m.Reset()
	m.Write(append(bytes.Clone(first), info+"\x02"...))
	out := m.Sum(first)
	block, err := aes.NewCipher(out[:32])
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	ct := append(bytes.Clone(salt), out[44:76]...)
	for i := 0; ; i++ {
		nonce := bytes.Clone(out[32:44])
		for j, n := 11, i; n > 0; j, n = j-1, n>>8 {
			nonce[j] ^= byte(n)
		}
		n := min(len(plain), 16384)
		ct = gcm.Seal(ct, nonce, plain[:n], nil)
		if plain = plain[n:]; n < 16384 {
			return ct
		}
	}
}

func pattern(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

func encrypt(t *testing.T, key, salt []byte, context string, plain []byte, piece int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := newChunkWriter(key, salt, context, &out)
	if err != nil {
		t.Fatal(err)
	}
	for len(plain) > 0 {
		n := min(piece, len(plain))
		if got, err := w.Write(plain[:n]); got != n || err != nil {
			t.Fatal(got, err)
		}
		plain = plain[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte{1}); !errors.Is(err, errEnded) {
		t.Errorf("writing after the end: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errEnded) {
		t.Errorf("closing twice: %v", err)
	}
	return out.Bytes()
}

func decrypt(t *testing.T, key []byte, context string, ct []byte) []byte {
	t.Helper()
	r, err := newSealedReader(newBuffers(), key, context, bytes.NewReader(ct), int64(len(ct)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sizes lie around every boundary of chunks and buffers.
func sizes() []int {
	var s []int
	for _, n := range []int{0, 1, 2, chunksAtOnce, chunksAtOnce + 1, 2*chunksAtOnce + 3} {
		s = append(s, max(0, n*chunkSize-1), n*chunkSize, n*chunkSize+1)
	}
	return append(s, 257*chunkSize+5) // the counter leaves its first byte
}

func TestChunkedAgainstSpecification(t *testing.T) {
	key, salt := pattern(32), pattern(saltSize)
	for _, n := range sizes() {
		plain := pattern(n)
		want := independent(t, key, salt, "ctx", plain)
		for _, piece := range []int{1000, chunkSize, n + 1} {
			if got := encrypt(t, key, salt, "ctx", plain, piece); !bytes.Equal(got, want) {
				t.Errorf("%d bytes in pieces of %d: other bytes than the specification's", n, piece)
			}
		}
		if got := decrypt(t, key, "ctx", want); !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: decrypted to something else", n)
		}
	}
}

func TestChunkedRanges(t *testing.T) {
	key := pattern(32)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 20*chunkSize).Draw(rt, "size")
		plain := pattern(n)
		ct := encrypt(t, key, pattern(saltSize), "c", plain, n+1)
		r, err := newSealedReader(newBuffers(), key, "c", bytes.NewReader(ct), int64(len(ct)))
		if err != nil {
			rt.Fatal(err)
		}
		for range 20 {
			off := rapid.IntRange(0, n+10).Draw(rt, "off")
			p := make([]byte, rapid.IntRange(0, 12*chunkSize).Draw(rt, "len"))
			got, err := r.ReadAt(p, int64(off))
			want := plain[min(off, n):min(off+len(p), n)]
			if !bytes.Equal(p[:got], want) || (err == io.EOF) != (got < len(p)) || (err != nil && err != io.EOF) {
				rt.Fatalf("read %d of %d at %d of %d: %v", got, len(p), off, n, err)
			}
		}
	})
}

func TestChunkedReaderConforms(t *testing.T) {
	plain := pattern(5*chunkSize + 77)
	ct := encrypt(t, plain[:32], plain[:24], "", plain, len(plain))
	r, err := newSealedReader(newBuffers(), plain[:32], "", bytes.NewReader(ct), int64(len(ct)))
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), plain); err != nil {
		t.Error(err)
	}
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("read at a negative offset")
	}
}

func TestChunkedTampered(t *testing.T) {
	key := pattern(32)
	plain := pattern(3*chunkSize + 100)
	ct := encrypt(t, key, pattern(saltSize), "c", plain, len(plain))
	chunk := func(i int) []byte { return ct[headerSize+i*sealedChunk : min(len(ct), headerSize+(i+1)*sealedChunk)] }
	flip := func(at int) []byte { b := bytes.Clone(ct); b[at] ^= 0x80; return b }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	head := ct[:headerSize]
	for name, bad := range map[string][]byte{
		"salt":                     flip(3),
		"commitment":               flip(saltSize + 3),
		"first chunk":              flip(headerSize),
		"tag of the first":         flip(headerSize + sealedChunk - 1),
		"last chunk":               flip(len(ct) - tagSize - 1),
		"last tag":                 flip(len(ct) - 1),
		"chunks swapped":           join(head, chunk(1), chunk(0), chunk(2), chunk(3)),
		"chunk twice":              join(head, chunk(0), chunk(0), chunk(2), chunk(3)),
		"chunk missing":            join(head, chunk(0), chunk(2), chunk(3)),
		"last chunk missing":       join(head, chunk(0), chunk(1), chunk(2)),
		"only the last":            join(head, chunk(3)),
		"last chunk cut":           ct[:len(ct)-1],
		"cut in the middle":        ct[:headerSize+sealedChunk+500],
		"cut in a tag":             ct[:headerSize+sealedChunk+8],
		"cut after a tag's length": ct[:headerSize+sealedChunk+tagSize],
		"header alone":             head,
		"header cut":               ct[:headerSize-1],
		"nothing":                  nil,
		"byte more":                append(bytes.Clone(ct), 0),
		"chunk more":               join(ct, chunk(3)),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := newSealedReader(newBuffers(), key, "c", bytes.NewReader(bad), int64(len(bad)))
			if err == nil {
				_, err = io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
			}
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("error %v, want ErrDamaged", err)
			}
		})
	}
}

// TestChunkedShortSource has the source end before the size that was promised.
func TestChunkedShortSource(t *testing.T) {
	key := pattern(32)
	ct := encrypt(t, key, pattern(saltSize), "c", pattern(50_000), 50_000)
	for _, n := range []int{0, 10, headerSize, 20_000, len(ct) - 1} {
		if _, err := newSealedReader(newBuffers(), key, "c", bytes.NewReader(ct[:n]), int64(len(ct))); !errors.Is(err, ErrDamaged) {
			t.Errorf("source of %d bytes: %v", n, err)
		}
	}
	broken := errors.New("broken")
	if _, err := newSealedReader(newBuffers(), key, "c", failing{broken}, int64(len(ct))); !errors.Is(err, broken) {
		t.Errorf("a failing source: %v", err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }
func (f failing) Write([]byte) (int, error)         { return 0, f.err }

func TestChunkedWriteFails(t *testing.T) {
	broken := errors.New("broken")
	w, err := newChunkWriter(pattern(32), pattern(saltSize), "", failing{broken})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(pattern(chunksAtOnce * chunkSize * 2))
	if !errors.Is(err, broken) || !errors.Is(w.Close(), broken) {
		t.Errorf("error %v, want the one of the writer below", err)
	}
}

func TestPlainSize(t *testing.T) {
	for _, n := range sizes() {
		sealed := int64(headerSize + n + (n/chunkSize+1)*tagSize)
		if got, err := plainSize(sealed); got != int64(n) || err != nil {
			t.Errorf("%d sealed bytes: %d, %v; want %d", sealed, got, err, n)
		}
	}
	for _, bad := range []int64{-1, 0, headerSize + tagSize - 1, headerSize + sealedChunk, headerSize + sealedChunk + 15, 1 << 62} {
		if n, err := plainSize(bad); err == nil {
			t.Errorf("%d sealed bytes cannot be, but hold %d", bad, n)
		}
	}
}

// TestFilesSwapped puts one encrypted file in the place of another.
func TestFilesSwapped(t *testing.T) {
	v, err := Open(t.Context(), Options{Keys: t.TempDir(), Root: make([]byte, RootSize)})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	names := []string{"w1 a", "w1 b", "w2 a", "w1a "}
	for _, name := range names {
		ws, key, _ := strings.Cut(name, " ")
		var out bytes.Buffer
		w, err := v.EncryptTo(t.Context(), ws, key, &out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprint(w, "same content"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		files[name] = out.Bytes()
	}
	for _, name := range names {
		for _, other := range names {
			ws, key, _ := strings.Cut(name, " ")
			_, err := v.DecryptFrom(t.Context(), ws, key, bytes.NewReader(files[other]), int64(len(files[other])))
			if name == other && err != nil || name != other && !errors.Is(err, ErrDamaged) {
				t.Errorf("%q in the place of %q: %v", other, name, err)
			}
			if name != other && bytes.Equal(files[name], files[other]) {
				t.Errorf("%q and %q share their ciphertext", name, other)
			}
		}
	}
}

func FuzzSealedReader(f *testing.F) {
	key, salt := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, saltSize)
	var out bytes.Buffer
	w, err := newChunkWriter(key, salt, "", &out)
	if err != nil {
		f.Fatal(err)
	}
	_, _ = w.Write([]byte("seed"))
	_ = w.Close()
	f.Add(out.Bytes())
	f.Add(out.Bytes()[:headerSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := newSealedReader(newBuffers(), key, "", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		plain, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
		if err == nil && !bytes.Equal(b, out.Bytes()) {
			t.Errorf("decrypted a forgery: %q", plain)
		}
	})
}
