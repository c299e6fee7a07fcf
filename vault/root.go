package vault

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/bucket"
	"github.com/privacyd/privacyd/vault/durable"
)

const (
	rootPrefix  = "privacyd-root-key-1:"
	rootComment = "# The root key of privacyd. Without it nothing can be decrypted; whoever has it can read everything.\n" +
		"# Keep a copy apart from the data.\n"
)

var errNoRoot = errors.New("there is no root key file")

// readRoot reads the root key's file. Error codes: key_unsafe, key_wrong.
func readRoot(path string) ([]byte, error) {
	if err := safeRoot(path); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, bucket.Explain(err)
	}
	root, err := parseRoot(text)
	if err != nil {
		return nil, privacyd.Errorf(privacyd.ClassUnavailable, "key_wrong",
			"The file %s does not hold a root key. Put back the key file that was made with this data. (%w)", path, err)
	}
	return root, nil
}

// safeRoot refuses a key file that others can read, or could put in place.
func safeRoot(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoRoot
	}
	if err != nil {
		return bucket.Explain(err)
	}
	if info.Mode().Perm()&0o027 != 0 {
		return privacyd.Errorf(privacyd.ClassUnavailable, "key_unsafe",
			"Others on this machine may read or change the root key %s. Run: chmod 600 %s", path, path)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return bucket.Explain(err)
	}
	if dir.Mode().Perm()&0o002 != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return privacyd.Errorf(privacyd.ClassUnavailable, "key_unsafe",
			"Anyone on this machine may replace the root key %s. Run: chmod 700 %s", path, filepath.Dir(path))
	}
	return nil
}

// createRoot makes the root key's file, or reads the one that another process
// made in the meantime.
func createRoot(path string) ([]byte, error) {
	root, err := newRoot()
	if err != nil {
		return nil, err
	}
	if err := durable.MakeDirs(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if _, err := durable.Place(path, formatRoot(root)); err != nil {
		return nil, err
	}
	return readRoot(path)
}

// sweepRoot removes what a process left that was killed while it made the key:
// another name of the key, or of one that was never used. A folder that cannot
// be written to has neither.
func sweepRoot(path string) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+".") && strings.HasSuffix(e.Name(), durable.NewSuffix) {
			_ = os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
}

func formatRoot(root []byte) []byte {
	return []byte(rootComment + rootPrefix + base64.RawURLEncoding.EncodeToString(root) + "\n")
}

// parseRoot reads one key line; lines that begin with # are remarks.
func parseRoot(text []byte) ([]byte, error) {
	var root []byte
	for line := range bytes.Lines(text) {
		s := strings.TrimSpace(string(line))
		if s == "" || strings.HasPrefix(s, "#") {
			continue
		}
		coded, ok := strings.CutPrefix(s, rootPrefix)
		if !ok || root != nil {
			return nil, errors.New("there is a line that is neither a remark nor the one key")
		}
		k, err := base64.RawURLEncoding.Strict().DecodeString(coded)
		if err != nil || len(k) != RootSize {
			return nil, errors.New("the key is not 64 bytes in base64url")
		}
		root = k
	}
	if root == nil {
		return nil, errors.New("there is no key in it")
	}
	return root, nil
}

// rootMissing says that what opens the key store is gone.
func rootMissing(s rootSource) error {
	f, ok := s.(fileRoot)
	if !ok {
		return privacyd.Errorf(privacyd.ClassUnavailable, "key_missing",
			"The key store has keys, but not the root key that the key service has wrapped. It is incomplete, or keys.root was changed by hand: "+
				"put back what was there, or the newest backup of the key store. Nothing was changed.")
	}
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_missing",
		"The root key %s is not there, but this data was made with one. Put the key file back from where you keep "+
			"its copy; without it the data cannot be read. Nothing was changed.", f.path)
}

func keyWrong() error {
	return privacyd.Errorf(privacyd.ClassUnavailable, "key_wrong",
		"The root key is not the one that this data was made with. Put back the right key file; nothing was changed.")
}
