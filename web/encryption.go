package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/privacyd/privacyd"
)

func (d *door) encryptionRoutes() map[string]action {
	return map[string]action{"GET /w/{workspace}/encryption": d.encryptionPage}
}

func (d *door) encryptionPage(w http.ResponseWriter, r *http.Request) error {
	v, err := d.enter(r)
	if err != nil {
		return err
	}
	n, err := d.engine.Encryption(r.Context(), v.caller, v.workspace.ID)
	if err != nil {
		return err
	}
	return d.show(w, r, http.StatusOK, encryptionPageOf(d.page(r, v, "Encryption"), n))
}

// cipherWords says what is encrypted.
func cipherWords(what string) string {
	switch what {
	case "database":
		return "The database of privacyd itself"
	case "files":
		return "Finished exports, and files uploaded to privacyd"
	case "disclosures":
		return "What the audit log says of persons"
	case "secrets":
		return "Sessions, second factors and mails that wait"
	case "person_keys":
		return "Keys of persons"
	case "workspace_keys":
		return "Keys of workspaces, and the key that signs"
	case "temporary_files":
		return "Temporary files"
	case "ledger":
		return "What the ledger remembers of erasures"
	}
	return outsideWords(what)
}

// outsideWords says what of a product's a code of the configuration stands for.
func outsideWords(what string) string {
	if name, ok := strings.CutPrefix(what, "datasets."); ok {
		name, replica := strings.CutSuffix(name, ".read_replica")
		if replica {
			return "Records of " + name + ", in the read replica"
		}
		return "Records of " + name
	}
	if name, ok := strings.CutPrefix(what, "blobs.files."); ok {
		return "Files of " + name
	}
	return what
}

// cipherKey says which key something is encrypted with.
func cipherKey(k privacyd.Cipher) string {
	switch k.Key {
	case "root":
		return "one that the root key wraps"
	case "instance":
		return "one that the server's own key wraps"
	case "workspace":
		return "the workspace's own"
	case "person":
		return "one for each person; it is destroyed when they are erased"
	case "random":
		return "a random one in memory, for each file"
	}
	return k.Key
}

func algorithm(k privacyd.Cipher) string {
	if k.Algorithm == "" {
		return "Not by privacyd"
	}
	return k.Algorithm + ", " + strconv.Itoa(k.KeyBits) + " bits"
}

// keptWords says where the root key is.
func keptWords(kept string) string {
	switch kept {
	case "file":
		return "In a file of the server, which the operator keeps"
	case "aws_kms":
		return "Wrapped by AWS KMS; the wrapping key never leaves it"
	case "vault_transit":
		return "Wrapped by a Vault or OpenBao server; the wrapping key never leaves it"
	}
	return "Given to the server when it starts"
}

// keyAge says since when a key is in use, and how long that is.
func keyAge(made, now time.Time) string {
	if made.IsZero() {
		return "from before its age was noted"
	}
	days := int(now.Sub(made) / privacyd.Day)
	return "since " + absolute(made) + " (" + plural(days, "day") + ")"
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return count(int64(n)) + " " + thing + "s"
}

func keyVersion(word string, n int, changing bool) string {
	text := word + " " + strconv.Itoa(n)
	if changing {
		text += ", being changed"
	}
	return text
}

func rootAge(k privacyd.RootKey, now time.Time) string {
	return keyVersion("Generation", k.Generation, k.Changing) + ", " + keyAge(k.MadeAt, now)
}

func workspaceKeyAge(k privacyd.WorkspaceKey, now time.Time) string {
	return keyVersion("Version", k.Version, k.Changing) + ", " + keyAge(k.MadeAt, now)
}

func connectionWords(what string) string {
	switch what {
	case "listener":
		return "From browsers and programs to this server"
	case "database":
		return "To the database of privacyd itself"
	case "mail":
		return "To the mail server"
	case "files":
		return "To finished exports, and files uploaded to privacyd"
	case "root_key":
		return "To the root key"
	case "keys.store":
		return "To the key store"
	case "ledger":
		return "To the ledger"
	}
	if words := outsideWords(what); words != what {
		return "To the " + strings.ToLower(words[:1]) + words[1:]
	}
	return what
}

func protocolWords(c privacyd.Connection) string {
	switch {
	case c.Protocol != "" && c.Cipher != "":
		return c.Protocol + ", " + c.Cipher
	case c.Protocol != "":
		return c.Protocol
	case c.Where == "machine":
		return "Stays inside the server's machine"
	case c.Where == "loopback":
		return "Not encrypted, and never leaves the server's machine"
	}
	return "Not encrypted by privacyd: a proxy in front has to"
}
