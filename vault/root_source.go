package vault

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/durable"
	"github.com/privacyd/privacyd/vault/keyservice"
)

// rootSource is where the root key is kept.
type rootSource interface {
	// kind is file, memory, or that of a key service.
	kind() string
	// candidates gives the root keys that are there, the likeliest first. There
	// is errNoRoot when there is none.
	candidates(ctx context.Context, rs records) ([][]byte, error)
	// create makes the first root key, or gives the one that another process
	// made first.
	create(ctx context.Context, rs records) ([]byte, error)
	// prepare makes the root key of a later generation durable, where it does not
	// take the place of the one in use yet. What an earlier call made is taken.
	prepare(ctx context.Context, rs records, generation uint32) ([]byte, error)
	// settle puts what prepare made into its place, unless the key that is there
	// opens what the new one is to open.
	settle(opens func(root []byte) bool) error
	close() error
}

// openSource gives the source at an address: a file, or a key service.
func openSource(ctx context.Context, address string) (rootSource, error) {
	if keyservice.Is(address) {
		s, err := keyservice.Open(ctx, address)
		return serviceRoot{s}, err
	}
	path, ok := bucket.Folder(address)
	if !ok {
		return nil, privacyd.Errorf(privacyd.ClassInvalid, "key_service_invalid",
			"keys.root is neither a file nor a key service that privacyd knows: give a path, awskms:// or hashivault://.")
	}
	return fileRoot{path}, nil
}

func newRoot() ([]byte, error) {
	root := make([]byte, RootSize)
	if _, err := rand.Read(root); err != nil {
		return nil, fmt.Errorf("make the root key: %w", err)
	}
	return root, nil
}

// memoryRoot is a root key that the caller keeps.
type memoryRoot []byte

func (m memoryRoot) kind() string { return "memory" }

func (m memoryRoot) candidates(context.Context, records) ([][]byte, error) {
	if len(m) != RootSize {
		return nil, fmt.Errorf("open vault: the root key has %d bytes, not %d", len(m), RootSize)
	}
	return [][]byte{m}, nil
}

func (m memoryRoot) create(context.Context, records) ([]byte, error) { return m, nil }

func (m memoryRoot) prepare(context.Context, records, uint32) ([]byte, error) {
	return nil, errors.New("change the root key: it is kept by the caller, who has to say where the new one goes")
}

func (m memoryRoot) settle(func([]byte) bool) error { return nil }
func (m memoryRoot) close() error                   { return nil }

const nextSuffix = ".next"

// fileRoot is a root key in a file.
type fileRoot struct{ path string }

func (f fileRoot) kind() string { return "file" }

func (f fileRoot) candidates(context.Context, records) ([][]byte, error) {
	sweepRoot(f.path)
	root, err := readRoot(f.path)
	if err != nil {
		return nil, err
	}
	return [][]byte{root}, nil
}

func (f fileRoot) create(context.Context, records) ([]byte, error) { return createRoot(f.path) }

// next is where the next root key waits until everything can be opened with it:
// beside the key itself, also where the path is a link to it.
func (f fileRoot) next() (string, error) {
	path, err := filepath.EvalSymlinks(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		path, err = f.path, nil
	}
	return path + nextSuffix, bucket.Explain(err)
}

// prepare writes the next key as it is to lie in the place of the one before,
// and is sure that it can come there.
func (f fileRoot) prepare(context.Context, records, uint32) ([]byte, error) {
	next, err := f.next()
	if err != nil {
		return nil, err
	}
	root, err := createRoot(next)
	err = damagedNext(next, err)
	if err == nil && alike(strings.TrimSuffix(next, nextSuffix), next) != nil {
		return nil, f.unwritable()
	}
	if errors.Is(err, fs.ErrPermission) || privacyd.CodeOf(err) == "blob_unavailable" {
		return nil, f.unwritable()
	}
	return root, err
}

// damagedNext says what to do about a file that should hold the next key.
func damagedNext(next string, err error) error {
	if privacyd.CodeOf(err) != "key_wrong" {
		return err
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_wrong",
		"The file %s, where the new root key was put, does not hold one. Put the new key back there. If it is lost, move that file away and run: privacyd key rotate --root --abandon. "+
			"Until then the former key opens everything.", next)
}

func (f fileRoot) unwritable() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_unwritable",
		"A new root key cannot be put in the place of %s. Let privacyd write that file and its folder, as the file's owner (one that is mounted by itself "+
			"cannot be exchanged), or say with --to where the new one goes.", f.path)
}

// alike gives the next key the owner and mode of the one whose place it is to
// take. An error: it cannot have them, or cannot come there.
func alike(path, next string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0) // it will be written over
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // nothing is written
	temp := path + "." + rand.Text() + durable.NewSuffix
	if err := os.Link(path, temp); errors.Is(err, syscall.EXDEV) {
		return err // it is a mount of its own
	}
	_ = os.Remove(temp)
	old, err := file.Stat()
	if err != nil {
		return err
	}
	now, err := os.Stat(next)
	if err != nil {
		return err
	}
	was, is := old.Sys().(*syscall.Stat_t), now.Sys().(*syscall.Stat_t) //nolint:forcetypeassert // a file's is nothing else
	if was.Uid != is.Uid || was.Gid != is.Gid {
		err = os.Chown(next, int(was.Uid), int(was.Gid))
	}
	if err == nil && old.Mode().Perm() != now.Mode().Perm() {
		err = os.Chmod(next, old.Mode().Perm())
	}
	return err
}

// settle gives the next key the name of the one before, whose bytes are written
// over. A link leads to where the key is.
func (f fileRoot) settle(opens func(root []byte) bool) error {
	if root, err := readRoot(f.path); err == nil && opens(root) {
		return nil // done already
	}
	next, err := f.next()
	if err != nil {
		return err
	}
	root, err := readRoot(next)
	if errors.Is(err, errNoRoot) || err == nil && !opens(root) {
		return privacyd.Errorf(privacyd.ClassUnavailable, "key_missing",
			"The change of the root key had begun, and the new key %s is not there. Put it back from where it was taken to; "+
				"until then the former key opens everything.", next)
	}
	if err != nil {
		return damagedNext(next, err)
	}
	return exchange(strings.TrimSuffix(next, nextSuffix), next)
}

// exchange puts a file into the place of another and writes over that.
func exchange(path, next string) error {
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return bucket.Explain(err)
	}
	defer old.Close() //nolint:errcheck // it was synced
	if err := os.Rename(next, path); err != nil {
		return bucket.Explain(err)
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return err
	}
	info, err := old.Stat()
	if err != nil {
		return bucket.Explain(err)
	}
	_, err = old.WriteAt(make([]byte, info.Size()), 0)
	return bucket.Explain(errors.Join(err, old.Sync()))
}

func (f fileRoot) close() error { return nil }

// placedRoot is a file that is to hold the root key from the next generation on.
type placedRoot struct{ fileRoot }

func (p placedRoot) prepare(context.Context, records, uint32) ([]byte, error) {
	return createRoot(p.path)
}
func (p placedRoot) settle(func([]byte) bool) error { return nil }

// serviceRoot is a root key that a key service has wrapped; the wrapped form
// lies in the key store, one record a generation.
type serviceRoot struct{ service *keyservice.Service }

func (s serviceRoot) kind() string { return s.service.Kind() }

// candidates asks the service for the newest first. One that it did not wrap is
// another service's.
func (s serviceRoot) candidates(ctx context.Context, rs records) (list [][]byte, err error) {
	names, err := rootNames(ctx, rs, 0)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errNoRoot
	}
	var first error
	for _, name := range names {
		root, err := s.read(ctx, rs, name)
		switch {
		case err == nil:
			list = append(list, root)
		case !ofAnother(err):
			return nil, err
		case first == nil:
			first = err
		}
	}
	if len(list) == 0 {
		return nil, first
	}
	return list, nil
}

// ofAnother tells that a record was wrapped by another service, or removed in
// the meantime.
func ofAnother(err error) bool {
	code := privacyd.CodeOf(err)
	return code == "key_wrong" || code == "key_service_denied" || errors.Is(err, errAbsent)
}

// rootNames lists the records of root keys that services have wrapped, the
// newest first: of one generation, or of all where it is 0.
func rootNames(ctx context.Context, rs records, generation uint32) (names []string, err error) {
	for name, err := range rs.List(ctx, rootRecords) {
		if err != nil {
			return nil, err
		}
		if n := rootGeneration(name); n > 0 && (generation == 0 || n == generation) {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(rootGeneration(b), rootGeneration(a)) })
	return names, nil
}

// rootGeneration reads the generation in the name of such a record; 0: it is
// none.
func rootGeneration(name string) uint32 {
	number, _, _ := strings.Cut(strings.TrimPrefix(name, rootRecords), ".")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func (s serviceRoot) read(ctx context.Context, rs records, name string) ([]byte, error) {
	wrapped, err := rs.Read(ctx, name)
	if err != nil {
		return nil, err
	}
	root, err := s.service.Unwrap(ctx, wrapped)
	if err == nil && len(root) != RootSize {
		return nil, keyWrong()
	}
	return root, err
}

func (s serviceRoot) create(ctx context.Context, rs records) ([]byte, error) {
	name := generationName(rootRecords, 1)
	root, made, err := s.wrapNew(ctx, rs, name)
	if err != nil || made {
		return root, err
	}
	return s.read(ctx, rs, name)
}

// prepare leaves alone what another service has wrapped for this generation: a
// change may be running with it.
func (s serviceRoot) prepare(ctx context.Context, rs records, generation uint32) ([]byte, error) {
	names, err := rootNames(ctx, rs, generation)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if root, err := s.read(ctx, rs, name); err == nil || !ofAnother(err) {
			return root, err
		}
	}
	name := generationName(rootRecords, generation)
	root, made, err := s.wrapNew(ctx, rs, name)
	if err == nil && !made {
		root, made, err = s.wrapNew(ctx, rs, name+"."+rand.Text())
	}
	if err == nil && !made {
		err = errRotating()
	}
	return root, err
}

func (s serviceRoot) wrapNew(ctx context.Context, rs records, name string) (root []byte, made bool, err error) {
	if root, err = newRoot(); err != nil {
		return nil, false, err
	}
	wrapped, err := s.service.Wrap(ctx, root)
	if err != nil {
		return nil, false, err
	}
	made, err = rs.Create(ctx, name, wrapped)
	return root, made, err
}

func (s serviceRoot) settle(func([]byte) bool) error { return nil }
func (s serviceRoot) close() error                   { return s.service.Close() }
