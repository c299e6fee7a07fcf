package rest_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine/enginetest"
)

// apart are the operations that change something and that no other door is
// compared with, and why.
var apart = map[string]string{
	"put-record":             "records are written one by one here alone: commands import files",
	"import-file":            "archives are made first: testdata/script/round_trip.txtar",
	"put-attachment":         "records are written one by one here alone: commands import files",
	"begin-second-factor":    "a key is made at random and shown once: TestASecondFactorFromSettingUpToTurningOff of web",
	"confirm-second-factor":  "a key is made at random and shown once: TestASecondFactorFromSettingUpToTurningOff of web",
	"end-second-factor":      "a key is made at random and shown once: TestASecondFactorFromSettingUpToTurningOff of web",
	"new-recovery-codes":     "a key is made at random and shown once: TestASecondFactorFromSettingUpToTurningOff of web",
	"rotate-keys":            "it is the whole instance's: testdata/script/key_rotation.txtar",
	"sync-workspaces":        "it adopts what all workspaces of a product are: testdata/script/maps.txtar",
	"forget-person":          "it is done in all workspaces: testdata/script/audit_actions.txtar",
	"create-processing-link": "it makes a link and leaves nothing: testdata/script/legal.txtar",
}

// TestEveryChangeIsInTheTable holds the operations against the table of what all
// doors do alike.
func TestEveryChangeIsInTheTable(t *testing.T) {
	compared := map[string]bool{}
	for _, op := range privacyd.Operations() {
		compared[op.REST] = true
	}
	s := newServer(t, enginetest.NewSQLite(t))
	there := map[string]bool{"": true}
	for _, r := range s.routes() {
		there[r.ID] = true
		changes := r.Method != http.MethodGet
		switch why := apart[r.ID]; {
		case changes && !compared[r.ID] && why == "":
			t.Errorf("%s is not in the table of operations (doors.go): add it, or say here why it is compared with no other door", r.ID)
		case compared[r.ID] && why != "":
			t.Errorf("%s is compared with other doors, though it is said why not: %s", r.ID, why)
		}
	}
	for id := range compared {
		if !there[id] {
			t.Errorf("the table of operations has %s, which there is not", id)
		}
	}
	for id, why := range apart {
		if !there[id] || strings.TrimSpace(why) == "" {
			t.Errorf("there is no %s, or no reason to compare it with nothing", id)
		}
	}
}
