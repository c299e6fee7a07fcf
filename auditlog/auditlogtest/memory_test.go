package auditlogtest_test

import (
	"testing"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/auditlogtest"
)

func TestMemory(t *testing.T) {
	auditlogtest.Run(t, func(*testing.T) auditlog.Entries { return &auditlogtest.Memory{} })
}
