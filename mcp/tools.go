package mcp

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/privacyd/privacyd"
)

// described is what agents are told of the tools.
//
//go:embed tools.json
var described []byte

// tool is one tool: what is told of it, and what it does.
type tool struct {
	described *sdk.Tool
	handle    sdk.ToolHandler
}

// call is one call of a tool.
type call struct {
	caller    privacyd.Caller
	workspace string // id or slug
	request   *sdk.CallToolRequest
}

// does are what the tools do, by name. The answer is a JSON object.
func (d *Door) does() map[string]func(ctx context.Context, c call) (any, error) {
	return map[string]func(ctx context.Context, c call) (any, error){
		"create_gdpr_job":      d.createJob,
		"get_gdpr_job":         d.getJob,
		"cancel_gdpr_job":      d.cancelJob,
		"list_gdpr_jobs":       d.listJobs,
		"preview_gdpr_job":     d.previewJob,
		"find_subject":         d.findSubject,
		"get_retention_policy": d.retentionPolicy,
		"search_audit_trail":   d.searchAudit,
		"verify_audit_trail":   d.verifyAudit,
	}
}

// all puts the tools together. tools.json is part of the binary: what is wrong
// with it is wrong with every copy of it.
func (d *Door) all() []tool {
	var list []*sdk.Tool
	if err := json.Unmarshal(described, &list); err != nil {
		panic(fmt.Sprintf("tools.json: %v", err))
	}
	does := d.does()
	tools := make([]tool, 0, len(list))
	for _, t := range list {
		schema, err := inputOf(t)
		if err != nil || does[t.Name] == nil {
			panic(fmt.Sprintf("tools.json: %s cannot be made: %v", t.Name, err))
		}
		if t.OutputSchema, err = outputOf(t.Name); err != nil {
			panic(fmt.Sprintf("tools.json: %v", err))
		}
		tools = append(tools, tool{described: t, handle: d.handler(schema, does[t.Name])})
	}
	return tools
}

func inputOf(t *sdk.Tool) (*jsonschema.Resolved, error) {
	raw, err := json.Marshal(t.InputSchema)
	if err != nil {
		return nil, err
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	return s.Resolve(nil)
}

func (d *Door) handler(schema *jsonschema.Resolved, do func(context.Context, call) (any, error)) sdk.ToolHandler {
	return func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		c := call{caller: callerOf(ctx), request: r}
		answer, err := any(nil), check(schema, r.Params.Arguments)
		if err == nil {
			c.workspace, err = c.workspaceOf()
		}
		if err == nil {
			answer, err = do(ctx, c)
		}
		if asked, ok := answer.(*sdk.CallToolResult); ok && err == nil {
			return asked, nil
		}
		if err != nil {
			return d.failed(ctx, err), nil
		}
		return result(answer)
	}
}

// check refuses arguments that the tool does not have, or not in that form.
// Code request_invalid.
func check(schema *jsonschema.Resolved, arguments json.RawMessage) error {
	values := map[string]any{}
	if len(arguments) > 0 {
		if err := json.Unmarshal(arguments, &values); err != nil {
			return privacyd.Errorf(privacyd.ClassInvalid, "request_invalid", "The tool's arguments are not a JSON object. Send one, as the tool's input schema says.")
		}
	}
	if name, found := privacyd.RepeatedField(arguments); found {
		return privacyd.Errorf(privacyd.ClassInvalid, "request_invalid", "The tool's arguments name %q twice. Send it once.", name)
	}
	if err := schema.Validate(values); err != nil {
		return privacyd.Errorf(privacyd.ClassInvalid, "request_invalid", "The tool's arguments are not as its input schema says: %s.", reason(err))
	}
	return nil
}

// reason is the last part of a validation's error: what is wrong, without the
// way there.
func reason(err error) string {
	text := err.Error()
	if at := strings.Index(text, "/properties/"); at >= 0 {
		text = text[at+len("/properties/"):]
	}
	if at := strings.LastIndexByte(text, '\n'); at >= 0 {
		text = text[at+1:]
	}
	return strings.TrimRight(text, ".")
}

// workspaceOf is the workspace that a call names, or the only one that its
// caller can name. Code workspace_missing.
func (c call) workspaceOf() (string, error) {
	var in struct {
		Workspace string `json:"workspace_id"`
	}
	if err := c.arguments(&in); err != nil {
		return "", err
	}
	switch {
	case in.Workspace != "":
		return in.Workspace, nil
	case c.caller.Only != "":
		return c.caller.Only, nil
	case c.caller.Token != nil:
		return c.caller.Token.WorkspaceID, nil
	}
	return "", privacyd.Errorf(privacyd.ClassInvalid, "workspace_missing", "Say which workspace it is about: workspace_id, its id or slug.")
}

// arguments reads what the schema has let pass.
func (c call) arguments(into any) error {
	if len(c.request.Params.Arguments) == 0 {
		return nil
	}
	if err := json.NewDecoder(bytes.NewReader(c.request.Params.Arguments)).Decode(into); err != nil {
		return privacyd.Errorf(privacyd.ClassInvalid, "request_invalid", "The tool's arguments cannot be read. Send them as its input schema says.")
	}
	return nil
}
