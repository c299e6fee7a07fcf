package mcp

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/engine"
)

// answers are the types of what tools answer, by name. What is told of them is
// made from the types, so that both cannot differ.
func answers() map[string]reflect.Type {
	return map[string]reflect.Type{
		"create_gdpr_job":      reflect.TypeFor[job](),
		"get_gdpr_job":         reflect.TypeFor[job](),
		"cancel_gdpr_job":      reflect.TypeFor[job](),
		"list_gdpr_jobs":       reflect.TypeFor[page[job]](),
		"preview_gdpr_job":     reflect.TypeFor[plan](),
		"find_subject":         reflect.TypeFor[subjects](),
		"get_retention_policy": reflect.TypeFor[retention](),
		"search_audit_trail":   reflect.TypeFor[page[privacyd.AuditEntry]](),
		"verify_audit_trail":   reflect.TypeFor[engine.AuditVerified](),
	}
}

// outputOf is the schema of a tool's answer. Fields may be added to answers, so
// that it names those that there are and forbids no others.
func outputOf(name string) (*jsonschema.Schema, error) {
	t, ok := answers()[name]
	if !ok {
		return nil, fmt.Errorf("nothing is known of what %s answers", name)
	}
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[time.Time]():       {Type: "string", Format: "date-time"},
		reflect.TypeFor[json.RawMessage](): {},
	}})
	if err != nil {
		return nil, fmt.Errorf("describe what %s answers: %w", name, err)
	}
	loosen(s)
	return s, nil
}

// loosen lets objects have other fields than the schema names.
func loosen(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	if s.Properties != nil {
		s.AdditionalProperties = nil
	}
	for _, property := range s.Properties {
		loosen(property)
	}
	loosen(s.Items)
	loosen(s.AdditionalProperties)
}
