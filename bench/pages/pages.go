package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/privacyd/privacyd/bench/measure"
)

const (
	timeBar   = 100 * time.Millisecond // of the server, for any page
	searchBar = 50 * time.Millisecond  // for a search of a contact
	sizeBar   = 100_000                // bytes of a page and all that it loads
)

// asked is a page to ask for. Plain is a statement that gives the rows that it
// shows, with the workspace as its only parameter; empty: it shows none.
type asked struct {
	name, path, plain string
	bar               time.Duration
}

func (b *bench) measure(ctx context.Context, name string, make func(context.Context) (*site, error)) (err error) {
	s, err := make(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.drop()) }()
	known, ready, err := s.remembered()
	if err == nil && !ready {
		err = s.fill(ctx, b.rows)
	}
	if err != nil {
		return err
	}
	v, err := serve(ctx, s.program)
	if err != nil {
		return err
	}
	if !ready {
		known.Job, err = v.furnish(ctx, b.entries)
		if err == nil {
			err = s.backdate(ctx)
		}
		if err == nil {
			err = s.remember(known.Job)
		}
	}
	var pages []asked
	if err == nil {
		pages, err = s.pages(ctx, known.Job)
	}
	if err == nil {
		err = b.walk(ctx, name, s, v, b.chosen(pages))
	}
	return errors.Join(err, v.stop())
}

// chosen leaves out what was not asked for.
func (b *bench) chosen(pages []asked) []asked {
	return slices.DeleteFunc(pages, func(p asked) bool { return !strings.Contains(p.name, b.only) })
}

// furnish gives the workspace a log, a policy, a hold and an export, and says
// where the export's job is.
func (v *visitor) furnish(ctx context.Context, entries int) (job string, err error) {
	for from := 0; from < entries; from += 1000 {
		if _, err := v.send(ctx, "/v1/workspaces/"+slug+"/audit-entries", "application/json", batchOf(from)); err != nil {
			return "", err
		}
	}
	if _, err := v.post(ctx, at("retention"), url.Values{"choice": {"365"}}); err != nil {
		return "", err
	}
	hold := url.Values{"type": {"subject"}, "kind": {"contact"}, "id": {"contact-7"}, "ground": {"legal_claims"}, "reason": {"A dispute about an invoice."}}
	if _, err := v.post(ctx, at("holds"), hold); err != nil {
		return "", err
	}
	return v.post(ctx, at("data-privacy"), url.Values{"type": {"subject_export"}, "kind": {"contact"}, "id": {"contact-9"}, "format": {"json"}})
}

func batchOf(from int) io.Reader {
	type entry struct {
		Action string            `json:"action"`
		Actor  map[string]string `json:"actor"`
		Target map[string]string `json:"target"`
	}
	list := make([]entry, 1000)
	for i := range list {
		list[i] = entry{"ticket.update", map[string]string{"kind": "service", "name": "desk"}, map[string]string{"type": "ticket", "id": fmt.Sprint(from + i)}}
	}
	raw, _ := json.Marshal(map[string]any{"entries": list}) // it can be written
	return bytes.NewReader(raw)
}

// walk measures each page and the statement beside it.
func (b *bench) walk(ctx context.Context, name string, s *site, v *visitor, pages []asked) error {
	loaded, err := v.loads(ctx, pages[0].path)
	if err != nil {
		return err
	}
	plain, err := b.plain(ctx, s, pages)
	if err != nil {
		return err
	}
	slowest, largest, search := asked{}, asked{}, time.Duration(0)
	var worst time.Duration
	most := 0
	fmt.Printf("\n%s, %d messages; a page loads %d bytes beside itself, the first time\n", name, b.rows, loaded)
	fmt.Printf("%-44s %9s %9s %9s %9s %7s %7s\n", "PAGE", "FIRST", "MIDDLE", "CPU", "PLAIN", "RATIO", "BYTES")
	for _, p := range pages {
		first, middle, err := v.visit(ctx, p.path, b.rounds)
		if err != nil {
			return err
		}
		fmt.Println(line(p, first, middle, plain[p.plain]))
		if p.bar == timeBar && middle.took > worst {
			slowest, worst = p, middle.took
		}
		if p.bar == searchBar {
			search = max(search, middle.took)
		}
		if middle.bytes > most {
			largest, most = p, middle.bytes
		}
	}
	return b.report(
		measure.Figure{What: name + ": slowest page (" + slowest.name + ")", Bar: "<= 100 ms", Value: words(worst), Pass: worst <= timeBar},
		measure.Figure{What: name + ": slowest search of a contact", Bar: "<= 50 ms", Value: words(search), Pass: search <= searchBar},
		measure.Figure{
			What: name + ": largest page (" + largest.name + ") with all that it loads", Bar: "<= 100 KB",
			Value: fmt.Sprintf("%d KB", (most+loaded)/1000), Pass: most+loaded <= sizeBar,
		},
	)
}

func line(p asked, first, middle look, plain time.Duration) string {
	beside, ratio, verdict := "-", "-", ""
	if plain > 0 {
		beside, ratio = words(plain), fmt.Sprintf("%.1f", float64(middle.took)/float64(plain))
	}
	if p.bar > 0 && middle.took > p.bar {
		verdict = "  MISS"
	}
	return fmt.Sprintf("%-44s %9s %9s %9s %9s %7s %7d%s", p.name, words(first.took), words(middle.took), words(middle.cpu), beside, ratio, middle.bytes, verdict)
}

func words(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

var asset = regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`)

// loads is how many bytes a page's style, scripts and pictures are.
func (v *visitor) loads(ctx context.Context, path string) (n int, err error) {
	page, err := v.get(ctx, path)
	if err != nil {
		return 0, err
	}
	z, err := gzip.NewReader(bytes.NewReader(page.body))
	if err != nil {
		return 0, err
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return 0, err
	}
	for _, m := range asset.FindAllSubmatch(text, -1) {
		one, err := v.get(ctx, string(m[1]))
		if err != nil {
			return 0, err
		}
		n += one.bytes
	}
	return n, nil
}

// plain measures the statements on a handle of its own, each as often as the
// pages, and gives the middle.
func (b *bench) plain(ctx context.Context, s *site, pages []asked) (map[string]time.Duration, error) {
	db, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close() //nolint:errcheck // it was only read
	took := map[string]time.Duration{}
	for _, p := range pages {
		if p.plain == "" || took[p.plain] > 0 {
			continue
		}
		all := make([]time.Duration, b.rounds)
		for i := range all {
			start := time.Now()
			rows, err := db.Query(ctx, p.plain, s.workspace.ID)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			for rows.Next() {
			}
			if err := cmp.Or(rows.Err(), rows.Close()); err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			all[i] = time.Since(start)
		}
		slices.Sort(all)
		took[p.plain] = all[len(all)/2]
	}
	return took, nil
}
