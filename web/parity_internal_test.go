package web

import (
	"strings"
	"testing"

	"github.com/privacyd/privacyd"
)

// apart are the forms that are compared with no other door, and why.
var apart = map[string]string{
	"POST /sign-in":                       "sessions begin with a browser",
	"POST /sign-in/{secret}":              "sessions begin with a browser",
	"POST /sign-in/code":                  "sessions begin with a browser",
	"POST /sign-out":                      "sessions begin with a browser",
	"POST /sign-in/forgotten":             "who has forgotten the password is at no other door",
	"POST /sign-in/reset/{secret}":        "who has forgotten the password is at no other door",
	"POST /sign-in/first/{secret}":        "it is done once, when there is nobody yet",
	"POST /sign-in/invitation/{secret}":   "who comes by an invitation is at no other door",
	"POST /account/second-factor":         "a key is made at random and shown once: TestASecondFactorFromSettingUpToTurningOff",
	"POST /account/second-factor/confirm": "a key is made at random and shown once: TestASecondFactorFromSettingUpToTurningOff",
	"POST /account/second-factor/off":     "a key is made at random and shown once: TestASecondFactorFromSettingUpToTurningOff",
	"POST /account/recovery-codes":        "a key is made at random and shown once: TestASecondFactorFromSettingUpToTurningOff",
}

// TestEveryFormIsInTheTable holds the forms against the table of what all doors
// do alike.
func TestEveryFormIsInTheTable(t *testing.T) {
	compared := map[string]bool{}
	for _, op := range privacyd.Operations() {
		compared[op.Page] = true
	}
	there := map[string]bool{"": true}
	for _, routes := range (&door{}).allRoutes() {
		for route := range routes {
			there[route] = true
			form := strings.HasPrefix(route, "POST ")
			switch why := apart[route]; {
			case form && !compared[route] && why == "":
				t.Errorf("%s is not in the table of operations (doors.go): add it, or say here why it is compared with no other door", route)
			case compared[route] && why != "":
				t.Errorf("%s is compared with other doors, though it is said why not: %s", route, why)
			}
		}
	}
	for route := range compared {
		if !there[route] {
			t.Errorf("the table of operations has the page %q, which there is not", route)
		}
	}
	for route := range apart {
		if !there[route] {
			t.Errorf("there is no form %q", route)
		}
	}
}
