package vault_test

import (
	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/vault"
)

var (
	_ auditlog.Sealer = (*vault.Vault)(nil)
	_ blob.Cipher     = (*vault.Vault)(nil)
)
