package sqlsource

import (
	"strconv"
	"strings"

	"github.com/privacyd/privacyd"
)

// step is one step of a JSON path: into a key, into an index, or into every
// element of an array.
type step struct {
	key   string
	index int
	kind  stepKind
}

type stepKind int

const (
	stepKey stepKind = iota
	stepIndex
	stepEach
)

// parsePath reads $.a.b, $['a'], $[0] and $.list[*].id.
func parsePath(path string) ([]step, error) {
	rest, ok := strings.CutPrefix(path, "$")
	if !ok {
		return nil, pathError(path)
	}
	var steps []step
	for rest != "" {
		var s step
		if s, rest, ok = nextStep(rest); !ok {
			return nil, pathError(path)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

func nextStep(rest string) (s step, tail string, ok bool) {
	if rest[0] == '.' {
		end := strings.IndexAny(rest[1:], ".[")
		if end < 0 {
			end = len(rest) - 1
		}
		return keyStep(rest[1:1+end], rest[1+end:])
	}
	inner, tail, ok := strings.Cut(rest, "]")
	if !ok || inner == "" || inner[0] != '[' {
		return step{}, "", false
	}
	inner = inner[1:]
	if inner == "*" {
		return step{kind: stepEach}, tail, true
	}
	if n, err := strconv.Atoi(inner); err == nil && n >= 0 {
		return step{kind: stepIndex, index: n}, tail, true
	}
	if len(inner) > 2 && (inner[0] == '\'' || inner[0] == '"') && inner[len(inner)-1] == inner[0] {
		return keyStep(inner[1:len(inner)-1], tail)
	}
	return step{}, "", false
}

// keyStep refuses the characters that the two databases quote differently.
func keyStep(key, tail string) (step, string, bool) {
	if key == "" || strings.ContainsAny(key, "\"\\\x00") {
		return step{}, "", false
	}
	return step{kind: stepKey, key: key}, tail, true
}

func pathError(path string) error {
	return privacyd.Errorf(privacyd.ClassInvalid, "map_invalid",
		"The data map's JSON path %q cannot be read. Write it as $.author.id, $['a key'], $.list[0] or $.people[*].id.", path)
}

// pathText writes steps without stepEach as both databases read them.
func pathText(steps []step) string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range steps {
		if s.kind == stepIndex {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		}
		b.WriteString(`."` + s.key + `"`)
	}
	return b.String()
}

// splitEach cuts a path behind each of its [*].
func splitEach(steps []step) (arrays [][]step, last []step) {
	for i := 0; i < len(steps); i++ {
		if steps[i].kind == stepEach {
			arrays = append(arrays, steps[:i])
			steps, i = steps[i+1:], -1
		}
	}
	return arrays, steps
}
