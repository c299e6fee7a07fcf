package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/archive"
	"github.com/privacyd/privacyd/datamap"
)

// extraction is one run of an export: it reads every collection in scope from
// one snapshot a source and writes the archive.
type extraction struct {
	e         *Engine
	job       *privacyd.Job
	workspace privacyd.Workspace
	out       *archive.Writer
	meter     *meter
	parts     []part
	names     map[string]bool // of the archive's collections
	snapshots map[Source]Snapshot
	datasets  []archive.Dataset
	others    *others // whom the export is not about: what names them is masked

	namedAs      []appPerson // of an account: by which ids the datasets know it
	auditPending bool        // the log in the archive lacks the newest entries

	stopCounting func()
}

// part is one collection to export.
type part struct {
	dataset   Dataset
	selection datamap.Selection
	name      string        // of the collection in the archive
	spool     archive.Spool // of rows that name files, until the files are written
	own       []string      // fields that name one of the persons, or somebody else
	persons   []string
	shared    []string // fields in which others are masked
}

func (x *extraction) run(ctx context.Context) (archive.Summary, error) {
	defer x.close()
	steps := []func(context.Context) error{x.plan, x.estimate, x.findOthers, x.readRecords, x.closeSnapshots, x.writeFiles, x.writeOwn, x.writeAudit, x.writeAbout}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return archive.Summary{}, err
		}
	}
	return x.out.Close(x.info())
}

// plan opens the snapshots, checks each map against its live database and
// selects what is in scope.
func (x *extraction) plan(ctx context.Context) error {
	x.snapshots, x.names = map[Source]Snapshot{}, map[string]bool{}
	for _, d := range x.e.Datasets {
		if ofAccount(x.job) {
			if err := x.chooseAccount(ctx, d); err != nil {
				return err
			}
			continue
		}
		key, err := datasetKey(d, x.workspace)
		if err != nil {
			return err
		}
		if key == "" {
			continue // on purpose
		}
		if err := x.open(ctx, d); err != nil {
			return err
		}
		if err := x.choose(ctx, d, key); err != nil {
			return err
		}
	}
	return nil
}

// open checks the map of a dataset against its live database, and opens a
// snapshot of that.
func (x *extraction) open(ctx context.Context, d Dataset) error {
	if err := x.e.guard(ctx, d); err != nil {
		return err
	}
	if x.snapshots[d.Source] != nil {
		return nil
	}
	s, err := d.Source.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("open snapshot of dataset %s: %w", d.Name, err)
	}
	x.snapshots[d.Source] = s
	return nil
}

func (x *extraction) snapshotOf(d Dataset) archive.Dataset {
	return archive.Dataset{Name: d.Name, MapHash: d.Graph.Map.Hash, SnapshotTime: x.snapshots[d.Source].Time()}
}

// addPart adds a collection under a name that is free.
func (x *extraction) addPart(p part) error {
	c := p.selection.Collection
	p.name = x.freeName(p.dataset.Name, c.Name)
	if x.job.Subject != nil {
		for _, f := range p.selection.Fields {
			if f.Whose == datamap.WhoseShared && !slices.Contains(p.own, f.Name) {
				p.shared = append(p.shared, f.Name)
			}
		}
	}
	x.parts = append(x.parts, p)
	return nil
}

// freeName is a collection's name in the archive: two datasets may have one of
// the same name, and a person may be named in rows of others, too.
func (x *extraction) freeName(dataset, name string) string {
	free := name
	for i := 2; x.names[strings.ToLower(free)]; i++ {
		free = fmt.Sprintf("%s.%d", name, i)
		if i == 2 && dataset != "" {
			free = dataset + "." + name
		}
	}
	x.names[strings.ToLower(free)] = true
	return free
}

func (x *extraction) choose(ctx context.Context, d Dataset, key string) error {
	scope := datamap.Scope{Workspace: key}
	var ids []string
	if s := x.job.Subject; s != nil {
		scope.SubjectKind, scope.SubjectID = s.Kind, s.ID
		if subjectKind(d, s.Kind) == nil {
			return nil
		}
		var err error
		if ids, err = x.personIDs(ctx, d, scope, s.ID); err != nil {
			return fmt.Errorf("look for a person in dataset %s: %w", d.Name, err)
		}
	}
	x.datasets = append(x.datasets, x.snapshotOf(d))
	for _, c := range d.Graph.Collections() {
		if x.job.Format == privacyd.FormatCSV && len(c.CSV) == 0 {
			continue
		}
		selection, ok, err := d.Graph.Select(c.Name, scope)
		if err != nil {
			return fmt.Errorf("select %s: %w", c.Name, err)
		}
		if ok && len(selection.Fields) > 0 {
			if err := x.addPart(part{dataset: d, selection: selection}); err != nil {
				return err
			}
		}
		if x.job.Subject == nil {
			continue
		}
		if err := x.chooseNaming(d, c, scope, ids); err != nil {
			return fmt.Errorf("select %s: %w", c.Name, err)
		}
	}
	return nil
}

// personIDs adds to the ids by which a dataset knows a person those of rows
// merged with theirs. Of a person who spans all workspaces these need not be in
// the one that is exported, whose rows may name them all the same.
func (x *extraction) personIDs(ctx context.Context, d Dataset, scope datamap.Scope, ids ...string) ([]string, error) {
	kind := d.Graph.SubjectKind(scope.SubjectKind)
	if kind.MergedInto == "" {
		return ids, nil
	}
	if kind.Span == datamap.SpanAll {
		scope.Workspace = ""
	}
	sel, ok, err := d.Graph.Select(kind.Collection, scope)
	if err != nil || !ok {
		return ids, err
	}
	sel.Fields = fieldsFor(sel.Collection, kind.Key)
	err = x.snapshots[d.Source].Read(ctx, sel, func(r datamap.Row) error {
		fields := map[string]json.RawMessage{}
		if err := json.Unmarshal(r.JSON, &fields); err != nil {
			return fmt.Errorf("read a record: %w", err)
		}
		ids = appendNew(ids, plainValue(fields[sel.Fields[0].Name]))
		return nil
	})
	return ids, err
}

// estimate counts what is to be read, beside the reading and in snapshots of
// its own: SQLite takes a sixth of an export to count a large table. It is for
// the progress alone, so its errors end nothing.
func (x *extraction) estimate(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var counting sync.WaitGroup
	sources := slices.Collect(maps.Keys(x.snapshots))
	parts := slices.Clone(x.parts) // the reader changes its own
	x.stopCounting = func() { stop(); counting.Wait() }
	counting.Go(func() {
		for _, source := range sources {
			if err := x.count(ctx, source, parts); err != nil && ctx.Err() == nil {
				x.e.Log.WarnContext(ctx, "the records of an export could not be counted", "job", x.job.ID, "error", err)
			}
		}
	})
	return x.meter.report(ctx, 0)
}

func (x *extraction) count(ctx context.Context, source Source, parts []part) error {
	s, err := source.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // it was only read
	for _, p := range parts {
		if p.dataset.Source != source {
			continue
		}
		n, err := s.Estimate(ctx, p.selection)
		if err != nil {
			return err
		}
		x.meter.expected.Add(n)
	}
	return nil
}

func (x *extraction) readRecords(ctx context.Context) error {
	for i := range x.parts {
		p := &x.parts[i]
		read := x.readCollection
		switch {
		case x.job.Format == privacyd.FormatCSV:
			read = x.readCSV
		case len(p.selection.Collection.Files) > 0:
			read = x.readSpooled
		}
		if err := read(ctx, p); err != nil {
			return fmt.Errorf("export %s: %w", p.selection.Collection.Name, err)
		}
	}
	return nil
}

func (x *extraction) readCollection(ctx context.Context, p *part) error {
	w, err := x.collection(ctx, p)
	if err != nil {
		return err
	}
	if err := x.copyRows(ctx, p, w.Record); err != nil {
		return err
	}
	return w.Close()
}

func (x *extraction) readCSV(ctx context.Context, p *part) error {
	w, err := x.out.CSV(p.name, p.selection.Collection.CSV)
	if err != nil {
		return err
	}
	if err := x.copyRows(ctx, p, w.Record); err != nil {
		return err
	}
	return w.Close()
}

// copyRows writes every row of a collection.
func (x *extraction) copyRows(ctx context.Context, p *part, record func([]byte) error) error {
	read := func(ctx context.Context, row func([]byte) error) error {
		return x.snapshots[p.dataset.Source].Read(ctx, p.selection, func(r datamap.Row) error { return row(r.JSON) })
	}
	return relayRows(ctx, read, func(row []byte) error {
		row, err := x.edit(p, row)
		if err != nil {
			return err
		}
		if err := record(row); err != nil {
			return err
		}
		return x.meter.add(ctx)
	})
}

func (x *extraction) collection(ctx context.Context, p *part) (*archive.CollectionWriter, error) {
	types, err := x.fields(ctx, p)
	if err != nil {
		return nil, err
	}
	return x.out.Collection(p.name, types)
}

func (x *extraction) fields(ctx context.Context, p *part) ([]archive.FieldInfo, error) {
	types, err := x.snapshots[p.dataset.Source].Describe(ctx, p.selection)
	if err != nil {
		return nil, err
	}
	infos := make([]archive.FieldInfo, len(types))
	for i, t := range types {
		infos[i] = archive.FieldInfo{Name: t.Name, Type: t.Type, Encoding: string(t.Encoding)}
		for _, f := range p.selection.Fields {
			if f.Name == t.Name {
				infos[i].Category, infos[i].Provenance = f.Category, string(f.Provenance)
				infos[i].Key = slices.Contains(p.selection.Collection.Key, f.Column)
			}
		}
	}
	return infos, nil
}

func (x *extraction) closeSnapshots(context.Context) error {
	var err error
	for source, s := range x.snapshots {
		err = errors.Join(err, s.Close())
		delete(x.snapshots, source)
	}
	return err
}

func (x *extraction) close() {
	if x.stopCounting != nil {
		x.stopCounting()
	}
	_ = x.closeSnapshots(context.Background()) // the error that led here matters more
	for _, p := range x.parts {
		if p.spool != nil {
			_ = p.spool.Close() // it is temporary
		}
	}
}

func (x *extraction) info() archive.Info {
	info := archive.Info{
		Product:   "privacyd " + x.e.Version,
		Workspace: archive.Workspace{ID: x.workspace.ID, Slug: x.workspace.Slug, Name: x.workspace.Name},
		Kind:      string(x.job.Type), Format: string(x.job.Format), CreatedAt: x.e.Now(), Datasets: x.datasets,
		AuditPending: x.auditPending,
	}
	if len(x.datasets) > 0 {
		info.SnapshotTime = x.datasets[0].SnapshotTime
	}
	if s := x.job.Subject; s != nil {
		info.Subject = &archive.Subject{Kind: s.Kind, ID: s.ID}
		info.About, info.Redactions = x.about().sections(), x.redactions()
	}
	return info
}

// redactions lists the fields that are left out of a subject export since they
// are about other people, and those that a person should look through first,
// Art. 15(4) GDPR.
func (x *extraction) redactions() []archive.Redaction {
	var out []archive.Redaction
	for _, p := range x.parts {
		for _, f := range p.selection.Collection.Fields {
			if !f.Exported() {
				continue
			}
			if !slices.Contains(p.selection.Fields, f) {
				out = append(out, archive.Redaction{Collection: p.name, Field: f.Name, Action: "left_out", Reason: "about another person"})
			} else if slices.Contains(p.shared, f.Name) {
				out = append(out, x.others.redaction(p.name, f.Name))
			}
		}
	}
	return out
}

// datasetKey is how a dataset knows a workspace; empty: it has nothing of it,
// on purpose. Where nobody has said either, nothing may be left out silently.
// Code dataset_key_missing.
func datasetKey(d Dataset, w privacyd.Workspace) (string, error) {
	if d.Own {
		return w.ID, nil
	}
	key, ok := w.DatasetKeys[d.Name]
	if !ok {
		return "", privacyd.Errorf(privacyd.ClassRefused, "dataset_key_missing",
			"It is not known which records of dataset %s belong to this workspace. Say it with: "+
				"privacyd workspace key --workspace %s --dataset-key %s=KEY, or with an empty KEY if none do.", d.Name, w.Slug, d.Name)
	}
	return key, nil
}
