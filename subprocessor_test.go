package privacyd_test

import (
	"strings"
	"testing"
	"time"

	"github.com/privacyd/privacyd"
)

func TestSubProcessorValid(t *testing.T) {
	good := privacyd.SubProcessor{Name: "Example Hosting GmbH", Purpose: "Servers", Country: "DE", Categories: []string{"all records"}}
	change := func(f func(*privacyd.SubProcessor)) privacyd.SubProcessor { p := good; f(&p); return p }
	for _, c := range []struct {
		p    privacyd.SubProcessor
		code string
	}{
		{good, ""},
		{change(func(p *privacyd.SubProcessor) { p.Name = " " }), "sub_processor_invalid"},
		{change(func(p *privacyd.SubProcessor) { p.Purpose = "two\nlines" }), "sub_processor_invalid"},
		{change(func(p *privacyd.SubProcessor) { p.Categories = nil }), "sub_processor_invalid"},
		{change(func(p *privacyd.SubProcessor) { p.Categories = []string{strings.Repeat("x", 501)} }), "sub_processor_invalid"},
		{change(func(p *privacyd.SubProcessor) { p.Country = "Germany" }), "sub_processor_country"},
		{change(func(p *privacyd.SubProcessor) { p.Country = "US" }), "sub_processor_basis"},
		{change(func(p *privacyd.SubProcessor) { p.Country, p.Basis = "US", "EU-US Data Privacy Framework" }), ""},
	} {
		if err := c.p.Valid(); (err != nil || c.code != "") && privacyd.CodeOf(err) != c.code {
			t.Errorf("%+v: %v, want %q", c.p, err, c.code)
		}
	}
}

func TestRegisters(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	v := func(id string, version int, name string, days int, ended bool) privacyd.SubProcessor {
		return privacyd.SubProcessor{ID: id, Version: version, Name: name, From: now.AddDate(0, 0, days), Ended: ended}
	}
	list := privacyd.Registers([]privacyd.SubProcessor{
		v("a", 1, "zeta", -10, false), v("a", 2, "zeta", 10, false),
		v("b", 1, "Alpha", -10, false), v("b", 2, "Alpha", -1, true),
		v("c", 1, "beta", 10, false), v("d", 1, "Gamma", 0, false), v("e", 1, "Delta", -9, false), v("e", 2, "Delta", 3, true),
	}, now)
	var got []string
	for _, r := range list {
		text := r.History[0].Name
		if r.Now != nil {
			text += " now " + string(rune('0'+r.Now.Version))
		}
		if r.Next != nil {
			text += " next " + string(rune('0'+r.Next.Version))
		}
		got = append(got, text)
	}
	if got, want := strings.Join(got, "; "), "beta next 1; Delta now 1 next 2; Gamma now 1; zeta now 1 next 2; Alpha now 2"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
