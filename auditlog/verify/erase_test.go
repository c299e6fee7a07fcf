package verify_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd/auditlog"
	"github.com/privacyd/privacyd/auditlog/verify"
)

// erased is a book of 1,101 entries of which one person of the second block is
// erased: ben(42) has entries 300 and 301 alone.
func erased(t *testing.T) *book {
	b := newBook(t)
	b.write(300)
	for range 2 {
		_, err := b.Append(t.Context(), auditlog.Record{
			Log: b.id, Action: "test.done", Outcome: "done", At: noon(),
			Private: []auditlog.Claim{{Name: "actor", Value: "Ben 42", Owner: ben(42)}, {Name: "changes", Value: 1, Owner: auditlog.Owner{Log: b.id}}},
		})
		must(t, err)
	}
	b.write(798)
	b.sign()
	b.forget(ben(42))
	b.sign()
	return b
}

func TestErased(t *testing.T) {
	b := erased(t)
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) {
		wantFindings(t, r)
		if r.Erased != 2 {
			t.Errorf("%d erased", r.Erased)
		}
	})
	b.forget(ben(3))
	b.forget(ben(4))
	b.sign()
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) {
		wantFindings(t, r)
		if r.Erased != 222 {
			t.Errorf("%d erased", r.Erased)
		}
	})
}

// TestDropped drops disclosures where an erasure took others.
func TestDropped(t *testing.T) {
	b := erased(t)
	drop := func(entries ...int) func() {
		return func() {
			for _, n := range entries {
				s := &b.last().stored[n]
				s.Disclosures = s.Disclosures[1:]
			}
		}
	}
	for _, tc := range []struct {
		drop func()
		want []string
	}{
		{drop(5), []string{"disclosure_missing 5-5"}},
		{drop(6, 800, 801), []string{"disclosure_missing 5-6", "disclosure_missing 800-801"}},
		{drop(310), []string{"disclosure_missing 5-6", "disclosure_missing 300-310", "disclosure_missing 800-801"}},
	} {
		tc.drop()
		each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r, tc.want...) })
	}
}

// TestDroppedBesideAnErasure drops one more disclosure of an entry of which an
// erasure has taken some: each digest is accounted for, but by logs that an old
// version wrote.
func TestDroppedBesideAnErasure(t *testing.T) {
	b := erased(t)
	b.last().stored[300].Disclosures = nil
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r, "disclosure_missing 300-301") })
	old := newBook(t)
	old.old = true
	old.write(600)
	old.forget(ben(3))
	old.sign()
	old.last().stored[3].Disclosures = nil
	each(t, old, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r) })
}

// TestDroppedBesideErasures drops a disclosure in a block whose erasures
// account for as many, since they account for those of another block, too.
func TestDroppedBesideErasures(t *testing.T) {
	b := newBook(t)
	b.write(600)
	b.forget(ben(3))
	b.forget(ben(4))
	b.sign()
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r) })
	b.last().stored[3].Disclosures = nil
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r, "disclosure_missing 3-594") })
}

// TestDroppedElsewhere drops one where erasures of other entries account for as
// many: each block does, but not all together.
func TestDroppedElsewhere(t *testing.T) {
	b := newBook(t)
	b.write(600)
	b.forget(ben(3))
	b.sign()
	s := &b.last().stored[4]
	s.Disclosures = s.Disclosures[1:]
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) { wantFindings(t, r, "disclosure_missing 3-593") })
}

// TestErasureAcrossEpochs erases somebody whose entries are in an epoch that
// has ended.
func TestErasureAcrossEpochs(t *testing.T) {
	b := attacked(t)
	b.restore(300)
	b.write(300)
	b.forget(ben(3))
	b.sign()
	forms(t, b, options(), []verify.Loss{{Epoch: 1, From: 300, To: 600}})
	b.epochs[0].stored[4].Disclosures = nil
	b.epochs[1].stored[20].Disclosures = nil
	each(t, b, options(), asIs, func(t *testing.T, r *verify.Report) {
		if !r.Has(verify.DisclosureMissing) {
			t.Error("nothing was found")
		}
	})
}

func TestBrokenErasure(t *testing.T) {
	b := attacked(t)
	_, err := b.Append(t.Context(), auditlog.Record{Log: b.id, Action: auditlog.ActionErased, Outcome: "done", Public: map[string]any{"entries": "many"}})
	must(t, err)
	b.sign()
	forms(t, b, options(), nil, "malformed 601-601")
}

// TestErasedMeanwhile erases somebody while the log is being written.
func TestErasedMeanwhile(t *testing.T) {
	b := attacked(t)
	view := b.view()
	b.forget(ben(3))
	b.write(3)
	b.sign()
	var out bytes.Buffer
	_, err := view.WriteJSON(t.Context(), &out, b.export())
	must(t, err)
	r := checkJSON(t, out.Bytes(), options())
	wantFindings(t, r)
	if r.Erased != 60 || r.Epochs[0].Size != 601 {
		t.Errorf("%+v", r)
	}
	later := opened(t, out.Bytes())
	if got := len(later.lines); got != 1+3+601+3 { // with a checkpoint and an erasure
		t.Errorf("%d lines", got)
	}
	for name, tc := range map[string]struct {
		attack func(p *pages)
		code   verify.Code
	}{
		"no checkpoint":     {func(p *pages) { i := p.line(`{"epoch":1,"checkpoint"`); p.cut(i, i+1) }, verify.Added},
		"no consistency":    {func(p *pages) { p.swap(p.line(`{"epoch":1,"checkpoint"`), `"consistency":["`, `"consistency":["AA`) }, verify.Malformed},
		"another signature": {func(p *pages) { p.swap(p.line(`{"epoch":1,"checkpoint"`), "\\n605\\n", "\\n606\\n") }, verify.SignatureBad},
		"another entry":     {func(p *pages) { p.swap(p.entry(601), `"entries":60`, `"entries":61`) }, verify.Changed},
		"no proof":          {func(p *pages) { p.swap(p.entry(601), `"proof":[`, `"proof":[],"erased":[`) }, verify.Changed},
		"no erasure":        {func(p *pages) { p.cut(p.entry(601), p.entry(601)+1); p.counted() }, verify.DisclosureMissing},
		"another index":     {func(p *pages) { p.swap(p.entry(601), `"index":601`, `"index":600`) }, verify.Malformed},
	} {
		p := opened(t, out.Bytes())
		tc.attack(p)
		if r := checkJSON(t, p.bytes(), options()); !r.Has(tc.code) {
			t.Errorf("%s: found %q", name, findings(r))
		}
	}
	dir := t.TempDir()
	b.forget(ben(4))
	_, err = view.WriteParts(t.Context(), b.export(), func(p auditlog.Part, content []byte) error {
		if p.Path() == "disclosures/000" && b.last().head.Size == 605 {
			b.sign() // the erasure of ben(4) is entered by now
		}
		return write(dir, p, content)
	})
	must(t, err)
	r = checkPath(t, dir, options())
	wantFindings(t, r)
	if r.Erased != 121 || r.Epochs[0].Size != 606 {
		t.Errorf("%+v", r)
	}
}

// TestErasureUnderWay writes a log while an erasure has destroyed a key, and
// has not entered so yet.
func TestErasureUnderWay(t *testing.T) {
	for name, export := range map[string]func(b *book, v *auditlog.View, o auditlog.Export) *verify.Report{
		"json": func(b *book, v *auditlog.View, o auditlog.Export) *verify.Report {
			var out bytes.Buffer
			_, err := v.WriteJSON(t.Context(), &out, o)
			must(t, err)
			return checkJSON(t, out.Bytes(), options())
		},
		"tiles": func(b *book, v *auditlog.View, o auditlog.Export) *verify.Report {
			dir := t.TempDir()
			_, err := v.WriteParts(t.Context(), o, func(p auditlog.Part, content []byte) error { return write(dir, p, content) })
			must(t, err)
			return checkPath(t, dir, options())
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := attacked(t)
			b.erased[b.Reference("", "account", "3")] = true
			view, looks := b.view(), 0
			b.looked = func() {
				switch looks++; looks {
				case 2:
					b.forget(ben(3))
				case 4:
					b.sign()
				}
			}
			r := export(b, view, b.export())
			wantFindings(t, r)
			if r.Erased != 60 || looks < 4 {
				t.Errorf("%d erased, %d looks", r.Erased, looks)
			}
			b.looked = nil
			b.erased[b.Reference("", "account", "4")] = true
			o := b.export()
			o.Patience = time.Millisecond
			if r := export(b, b.view(), o); !r.Has(verify.DisclosureMissing) {
				t.Error("an erasure that is never entered was not found")
			}
		})
	}
}

func TestFiltered(t *testing.T) {
	b := erased(t)
	o := b.export()
	o.Filter = map[string]string{"action": "test.done"}
	o.Keep = func(o auditlog.Opened) bool {
		return o.Public["fact_number"] != nil && o.Public["fact_number"].(int64)%100 == 0 || o.Public["fact_number"] == nil
	}
	var out bytes.Buffer
	w, err := b.view().WriteJSON(t.Context(), &out, o)
	must(t, err)
	if strings.Contains(out.String(), `"hashes"`) || w.Entries != 13 { // 0, 100 and so on, two of ben(42), the erasure
		t.Errorf("%d entries", w.Entries)
	}
	since := options()
	since.Since = [][]byte{b.last().head.Checkpoint, b.last().older[0]}
	r := checkJSON(t, out.Bytes(), since)
	wantFindings(t, r)
	if r.Complete || r.Entries != 13 || r.Erased != 2 || len(r.Unchecked) != 1 {
		t.Errorf("%+v", r)
	}
	for name, tc := range map[string]struct {
		attack func(p *pages)
		want   []string
	}{
		"edit a leaf":   {func(p *pages) { edit(p, 100) }, []string{"changed 100-100"}},
		"another index": {func(p *pages) { p.swap(p.entry(100), `"index":100`, `"index":101`) }, []string{"changed 101-101"}},
		"no proof":      {func(p *pages) { p.swap(p.entry(100), `"proof":[`, `"erased":[`) }, []string{"malformed 100-100"}},
		"a proof too long": {func(p *pages) {
			p.swap(p.entry(100), `"proof":[`, `"proof":[`+strings.Repeat(`"`+strings.Repeat("A", 43)+`=",`, 99))
		}, []string{"changed 100-100"}},
		"another order": {func(p *pages) { p.exchange(100, 200) }, []string{"reordered 100-100"}},
		"twice":         {func(p *pages) { p.insert(p.entry(100), p.lines[p.entry(100)]); p.counted() }, []string{"reordered 100-100"}},
		"out of the tree": {func(p *pages) {
			p.swap(p.entry(100), `"index":100`, `"index":1101`)
			p.cut(p.entry(200), len(p.lines)-1)
			p.counted()
		}, []string{"added 1101-1101"}},
		"cut short":         {func(p *pages) { p.cut(p.entry(300), len(p.lines)) }, []string{"truncated"}},
		"no erasure":        {func(p *pages) { p.cut(p.entry(1100), p.entry(1100)+1); p.counted() }, []string{"disclosure_missing 300-301"}},
		"a list of hashes":  {func(p *pages) { p.insert(1, `{"epoch":1,"from":0,"hashes":"`+strings.Repeat("A", 43)+`="}`) }, []string{"malformed"}},
		"edit a disclosure": {func(p *pages) { p.disclosure(100, 1, mangled) }, []string{"disclosure_altered 100-100"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := opened(t, out.Bytes())
			tc.attack(p)
			wantFindings(t, checkJSON(t, p.bytes(), options()), tc.want...)
		})
	}
}
