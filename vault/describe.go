package vault

import "github.com/privacyd/privacyd"

// bits is the size of a key in bytes as people count it.
func bits(bytes int) int { return 8 * bytes }

const gcm = "AES-256-GCM"

// Ciphers tells how everything is encrypted that goes through the vault.
func (v *Vault) Ciphers() []privacyd.Cipher {
	return []privacyd.Cipher{
		{What: "files", Algorithm: gcm + ", in chunks (Cobblestone-256)", KeyBits: bits(ownerKeySize), Key: "workspace"},
		{What: "disclosures", Algorithm: gcm, KeyBits: bits(ownerKeySize), Key: "person"},
		{What: "secrets", Algorithm: gcm, KeyBits: bits(ownerKeySize), Key: "person"},
		{What: "person_keys", Algorithm: gcm, KeyBits: bits(ownerKeySize), Key: "workspace"},
		{What: "workspace_keys", Algorithm: gcm, KeyBits: bits(ownerKeySize), Key: "root"},
		{What: "temporary_files", Algorithm: gcm, KeyBits: bits(spoolKeySize), Key: "random"},
	}
}

// DatabaseCipher tells how the pages of an SQLite file are encrypted that has
// DatabaseKey.
func (v *Vault) DatabaseCipher() privacyd.Cipher {
	return privacyd.Cipher{What: "database", Algorithm: "AES-256-XTS", KeyBits: bits(len(v.core.pages)), Key: "root"}
}
