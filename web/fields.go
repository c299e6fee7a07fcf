package web

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/privacyd/privacyd"
)

// listMark ends the name of a field that may come more than once: a list of boxes
// to tick.
const listMark = "*"

// formFields are the fields of each form, by its route. Every form may also have
// the name of its sending.
var formFields = map[string]string{
	"POST /sign-in":                     "email password next",
	"POST /sign-in/{secret}":            "",
	"POST /sign-in/code":                "code next",
	"POST /sign-in/forgotten":           "email",
	"POST /sign-in/reset/{secret}":      "password",
	"POST /sign-in/first/{secret}":      "name email password workspace slug",
	"POST /sign-in/invitation/{secret}": "name password",
	"POST /sign-out":                    "",

	"POST /account/password":               "old password",
	"POST /account/second-factor":          "old",
	"POST /account/second-factor/confirm":  "code",
	"POST /account/second-factor/off":      "old code",
	"POST /account/recovery-codes":         "code",
	"POST /account/sessions/others":        "",
	"POST /account/sessions/{session}/end": "",
	"POST /account/exports":                "",
	"POST /account/exports/{job}/cancel":   "",
	"POST /account/delete":                 "plan_hash password",
	"POST /account/leaving/cancel":         "",
	"POST /account/leaving/now":            "plan_hash password",

	"POST /w/{workspace}/data-privacy":             "type format kind id",
	"POST /w/{workspace}/contact/export":           "id",
	"POST /w/{workspace}/delete-contact":           "kind id plan_hash name wait",
	"POST /w/{workspace}/delete-workspace":         "plan_hash name password wait",
	"POST /w/{workspace}/bulk":                     "before plan_hash count wait",
	"POST /w/{workspace}/jobs/{job}/confirm":       "plan_hash name count password wait",
	"POST /w/{workspace}/jobs/{job}/approve":       "plan_hash",
	"POST /w/{workspace}/jobs/{job}/refuse":        "plan_hash",
	"POST /w/{workspace}/jobs/{job}/cancel":        "",
	"POST /w/{workspace}/jobs/{job}/verify":        "",
	"POST /w/{workspace}/jobs/{job}/review/{n}":    "",
	"POST /w/{workspace}/approval":                 "approval",
	"POST /w/{workspace}/retention":                "choice days",
	"POST /w/{workspace}/retention/keep":           "dataset collection key*",
	"POST /w/{workspace}/retention/unkeep":         "dataset collection key*",
	"POST /w/{workspace}/retention/run":            "",
	"POST /w/{workspace}/retention/settings":       "time_zone retention_hour retention_brake",
	"POST /w/{workspace}/holds":                    "type kind id ground reason review",
	"POST /w/{workspace}/holds/{hold}/release":     "reason",
	"POST /w/{workspace}/audit/verify":             "",
	"POST /w/{workspace}/legal":                    "name email address officer_name officer_email officer_address published",
	"POST /w/{workspace}/legal/accept":             "version sha256",
	"POST /w/{workspace}/tokens":                   "label scope*",
	"POST /w/{workspace}/tokens/{token}/revoke":    "",
	"POST /w/{workspace}/members":                  "email role",
	"POST /w/{workspace}/members/{account}/role":   "role",
	"POST /w/{workspace}/members/{account}/remove": "",

	"POST /w/{workspace}/members/invitations/{invitation}/withdraw": "",
	"POST /w/{workspace}/residency/objections/{sub_processor}":      "",
}

// checkFields refuses what the form does not have, and a second value of what it
// has one of: whoever sends it means something that would not be done. Codes
// form_field_unknown, form_field_repeated.
func checkFields(r *http.Request) error {
	known := strings.Fields(formFields[r.Pattern] + " once")
	for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
		switch {
		case slices.Contains(known, name+listMark):
		case !slices.Contains(known, name):
			return privacyd.Errorf(privacyd.ClassInvalid, "form_field_unknown",
				"The form has a field %.60q, which is none of this page's, so nothing was done. Open the page again and send it once more.", name)
		case len(r.PostForm[name]) > 1:
			return privacyd.Errorf(privacyd.ClassInvalid, "form_field_repeated",
				"The form has the field %.60q more than once, and it takes one value, so nothing was done. Open the page again and send it once more.", name)
		}
	}
	return nil
}
