package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/privacyd/privacyd/bench/measure"
)

const (
	leastSingle  = 0.85
	leastGrouped = 0.55
	grouped      = 50
	mostShare    = 0.15
	mostWait     = time.Second
)

// results are the turns of each way.
type results struct {
	site  *site
	group int
	ways  []way
	turns [][]turn // of each way
}

// speed measures all ways on a new database, with one act a transaction and
// with many.
func (b *bench) speed(ctx context.Context, open openSite) (err error) {
	for _, group := range []int{1, grouped} {
		s, err := open(ctx, b)
		if err != nil {
			return err
		}
		r := &results{site: s, group: group, ways: ways()}
		err = b.takeAll(ctx, r)
		if err := errors.Join(err, s.close()); err != nil {
			return fmt.Errorf("measure %s: %w", s.name, err)
		}
		if err := b.report(r.figures()...); err != nil {
			return err
		}
	}
	return nil
}

// takeAll has the ways take turns, so that a change of the machine's speed
// meets all alike. The first turn of each warms up and does not count.
func (b *bench) takeAll(ctx context.Context, r *results) error {
	if err := r.site.meet(ctx); err != nil {
		return err
	}
	r.turns = make([][]turn, len(r.ways))
	for round := range b.rounds + 1 {
		for i := range r.ways {
			t, err := b.take(ctx, r.site, &r.ways[i], r.group)
			if err != nil {
				return err
			}
			if round == 0 {
				continue
			}
			r.turns[i] = append(r.turns[i], t)
			say("%s, %d a commit, round %d: %-30s %8.0f a second, %6.1f µs of CPU each, the server's %6.1f", r.site.name, r.group, round, r.ways[i].name,
				t.rate(), t.each(), t.server.Seconds()*1e6/float64(t.acts))
		}
	}
	return nil
}

func (t *turn) rate() float64 { return float64(t.acts) / t.took.Seconds() }

// each is the processor time of an act, in microseconds.
func (t *turn) each() float64 { return t.cpu.Seconds() * 1e6 / float64(t.acts) }

// rates compares two ways: the median of the ratios of turns that followed each
// other.
func (r *results) rates(one, other int) float64 {
	var ratios []float64
	for i := range r.turns[one] {
		ratios = append(ratios, r.turns[one][i].rate()/r.turns[other][i].rate())
	}
	return median(ratios)
}

// each is the processor time of an act.
func (r *results) each(way int) float64 { return r.median(way, (*turn).each) }

func (r *results) median(way int, of func(t *turn) float64) float64 {
	var all []float64
	for i := range r.turns[way] {
		all = append(all, of(&r.turns[way][i]))
	}
	return median(all)
}

func (r *results) figures() []measure.Figure {
	head := fmt.Sprintf("%s, %d a commit: ", r.site.name, r.group)
	bar := leastSingle
	if r.group > 1 {
		bar = leastGrouped
	}
	all := []measure.Figure{
		atLeast(head+"actions with an audit entry / with a plain audit row", r.rates(audited, plain), bar),
		atLeast(head+"the same, brief entries", r.rates(auditedBrief, plainBrief), bar),
		{What: head + "the same, with a plain audit row that is listed by time alone", Value: fmt.Sprintf("%.2f×", r.rates(audited, lean))},
		{
			What: head + "processor time, plain audit row / audit entry",
			Value: fmt.Sprintf("%.2f×, brief %.2f×, row listed by time alone %.2f×",
				r.each(plain)/r.each(audited), r.each(plainBrief)/r.each(auditedBrief), r.each(lean)/r.each(audited)),
		},
		{What: head + "actions with an audit entry / with a hash chain in the transaction", Value: fmt.Sprintf("%.2f×", r.rates(audited, chained))},
	}
	for i, w := range r.ways {
		all = append(all, measure.Figure{
			What:  head + "actions a second, " + w.name,
			Value: fmt.Sprintf("%.0f, %.0f µs of CPU each", r.median(i, (*turn).rate), r.each(i)),
		})
	}
	share := r.median(audited, func(t *turn) float64 { return t.sequencing.Seconds() / t.cpu.Seconds() })
	all = append(all, measure.Figure{
		What: head + "sequencing, of all processor time", Bar: fmt.Sprintf("≤ %.0f %%", 100*mostShare),
		Value: fmt.Sprintf("%.1f %%", 100*share), Pass: share <= mostShare,
	})
	if index := r.median(audited, func(t *turn) float64 { return t.catalogued.Seconds() / t.cpu.Seconds() }); index > 0 {
		all = append(all, measure.Figure{What: head + "the index of entries by whose they are, of all processor time", Value: fmt.Sprintf("%.1f %%", 100*index)})
	}
	return append(all, r.waits(head))
}

// waits is how long acts waited for their checkpoint.
func (r *results) waits(head string) measure.Figure {
	var all []time.Duration
	for _, t := range r.turns[audited] {
		all = append(all, t.waited...)
	}
	half, most := quantile(all, 0.5), quantile(all, 0.99)
	return measure.Figure{
		What: head + "from commit to signed checkpoint at full load, p50 and p99", Bar: fmt.Sprintf("≤ %v", mostWait),
		Value: fmt.Sprintf("%d ms, %d ms", half.Milliseconds(), most.Milliseconds()), Pass: most <= mostWait,
	}
}

func atLeast(what string, value, bar float64) measure.Figure {
	return measure.Figure{What: what, Bar: fmt.Sprintf("≥ %.4g×", bar), Value: fmt.Sprintf("%.2f×", value), Pass: value >= bar}
}

func median[T float64 | time.Duration](of []T) T { return quantile(of, 0.5) }

func quantile[T float64 | time.Duration](of []T, q float64) T {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
