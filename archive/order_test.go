package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/privacyd/privacyd/archive"
	"pgregory.net/rapid"
)

// step is something that the caller of a writer does.
type step struct {
	collection int // 0 to 2: a record of it; 3: an attachment
	size       int
}

// session writes entries in whatever order and remembers what they hold.
type session struct {
	w     *archive.Writer
	open  [3]*archive.CollectionWriter
	want  map[string]string
	plain [3]strings.Builder
}

func (s *session) do(t testing.TB, n int, step step) {
	content := strings.Repeat(fmt.Sprintf("%d ", n), step.size/2)
	if step.collection == 3 {
		path, _, _, err := s.w.Attachment(context.Background(), "x", noon, strings.NewReader(content))
		must(t, err)
		s.want[path] = content
		return
	}
	c := step.collection
	if s.open[c] == nil {
		var err error
		s.open[c], err = s.w.Collection(fmt.Sprintf("c%d", c), nil)
		must(t, err)
	}
	record := fmt.Sprintf(`{"id":%d,"text":%q}`, n, content)
	must(t, s.open[c].Record([]byte(record)))
	if s.plain[c].Len() > 0 {
		s.plain[c].WriteString(",\n")
	}
	s.plain[c].WriteString(record)
}

func (s *session) finish(t testing.TB) {
	for c, open := range s.open {
		if open != nil {
			must(t, open.Close())
			s.want[fmt.Sprintf("data/c%d.json", c)] = "[\n" + s.plain[c].String() + "\n]\n"
		}
	}
	_, err := s.w.Close(info())
	must(t, err)
}

// contents reads the files of an archive with another program's eyes.
func contents(t testing.TB, data []byte) map[string]string {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	must(t, err)
	files := map[string]string{}
	for _, f := range r.File {
		in, err := f.Open()
		must(t, err)
		content, err := io.ReadAll(in)
		must(t, err)
		files[f.Name] = string(content)
	}
	return files
}

func write(t testing.TB, steps []step) {
	t.Helper()
	var out bytes.Buffer
	s := &session{w: archive.NewWriter(&out, archive.Options{Workers: 2}), want: map[string]string{}}
	defer s.w.Abort()
	for n, step := range steps {
		s.do(t, n, step)
	}
	s.finish(t)
	report := sound(t, out.Bytes())
	if int(report.Files) != len(s.want)+1 {
		t.Errorf("%d files for %d", report.Files, len(s.want))
	}
	have := contents(t, out.Bytes())
	delete(have, "README.html")
	delete(have, "manifest.json")
	if diff := cmp.Diff(s.want, have); diff != "" {
		t.Errorf("other content (-want +have):\n%.2000s", diff)
	}
}

// Entries that are written at the same time wait for each other in spools.
func TestEntriesInterleaved(t *testing.T) {
	const small, wide = 100, 3 << 20
	tests := map[string][]step{
		"nothing":                          {},
		"one record":                       {{0, small}},
		"attachment before a wide one":     {{3, small}, {0, wide}},
		"attachments in a small one":       {{0, small}, {3, small}, {0, small}, {3, wide}, {0, small}},
		"a small one grows":                {{0, small}, {3, small}, {0, wide}, {3, small}, {0, wide}, {3, wide}, {0, small}},
		"attachments in a wide one":        {{0, wide}, {3, small}, {3, wide}, {0, wide}, {3, small}},
		"two wide ones":                    {{0, wide}, {1, wide}, {0, small}, {1, wide}, {0, wide}},
		"three wide ones with attachments": {{0, wide}, {1, wide}, {3, wide}, {2, wide}, {3, small}, {1, wide}, {0, wide}, {3, wide}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) { write(t, steps) })
	}
}

func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) step {
			return step{
				collection: rapid.IntRange(0, 3).Draw(r, "collection"),
				size:       rapid.SampledFrom([]int{0, 10, 1000, 300_000, 1 << 20, 2_500_000}).Draw(r, "size"),
			}
		}), 0, 8).Draw(r, "steps")
		write(testingTB{t, r}, steps)
	})
}

// testingTB lets checks that end a test end the run of a property instead.
type testingTB struct {
	testing.TB
	r *rapid.T
}

func (t testingTB) Fatal(args ...any)                 { t.r.Fatal(args...) }
func (t testingTB) Fatalf(format string, args ...any) { t.r.Fatalf(format, args...) }
func (t testingTB) Errorf(format string, args ...any) { t.r.Errorf(format, args...) }
