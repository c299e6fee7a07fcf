// Package examples holds what a new user tries things out on. Nothing in it is
// about a real person.
package examples

import _ "embed"

// Sample is a workspace of made-up records in the import format.
//
//go:embed sample.ndjson
var Sample []byte
