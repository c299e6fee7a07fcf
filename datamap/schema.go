package datamap

import (
	_ "embed"
	"slices"
)

//go:embed data-map.schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of a data map, so that editors
// complete and check it. It accepts what Parse accepts, as far as a schema can
// tell: what one part of a map says of another is Parse's to check.
func Schema() []byte { return slices.Clone(schema) }
