package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/datamap"
	"github.com/privacyd/privacyd/engine"
	"github.com/privacyd/privacyd/records"
	"github.com/privacyd/privacyd/source/blob"
	"github.com/privacyd/privacyd/source/sqlsource"
	"github.com/privacyd/privacyd/store"
	"github.com/privacyd/privacyd/store/sqldb"
)

// embeddedBucket is the bucket of the embedded dataset's attachments.
const embeddedBucket = "attachments"

// openDatasets opens the datasets of the configuration, or the embedded one
// where it names none, and privacyd's own accounts and members beside them.
func (i *instance) openDatasets(ctx context.Context, cfg config, db *sqldb.DB, files *blob.Store) error {
	own := source{sqlsource.Own(db), nil}
	if err := i.addOwn("privacyd", store.DataMap, own, nil); err != nil {
		return err
	}
	if len(cfg.Datasets) == 0 {
		bucket := map[string]engine.BlobReader{embeddedBucket: blobs{files}}
		if err := i.addOwn("records", records.DataMap, own, bucket); err != nil {
			return err
		}
	}
	for _, d := range cfg.Datasets {
		if err := i.addDataset(ctx, cfg, d); err != nil {
			return err
		}
	}
	return i.checkNames()
}

func (i *instance) addOwn(name, text string, s engine.Source, files map[string]engine.BlobReader) error {
	g, err := compile(name+".map.yaml", text)
	if err != nil {
		return err
	}
	i.engine.Datasets = append(i.engine.Datasets, engine.Dataset{Name: name, Graph: g, Source: s, Own: true, Files: files})
	return nil
}

func (i *instance) addDataset(ctx context.Context, cfg config, d datasetConfig) error {
	text, err := os.ReadFile(d.Map)
	if err != nil {
		return privacyd.Errorf(privacyd.ClassInvalid, "config_invalid", "The data map of dataset %s cannot be read: %w.", d.Name, err)
	}
	g, err := compile(d.Map, string(text))
	if err != nil {
		return err
	}
	at := cmp.Or(d.Place, g.Map.Place)
	place(g, cfg, at)
	s, err := i.openSources(ctx, d)
	if err != nil {
		return fmt.Errorf("open dataset %s: %w", d.Name, err)
	}
	files, err := i.openBuckets(ctx, cfg, g)
	if err != nil {
		return err
	}
	i.engine.Datasets = append(i.engine.Datasets, engine.Dataset{
		Name: d.Name, Graph: g, Source: s, Files: files, Place: at,
	})
	return nil
}

// openBuckets opens the buckets that a product's map names.
func (i *instance) openBuckets(ctx context.Context, cfg config, g *datamap.Graph) (map[string]engine.BlobReader, error) {
	buckets := map[string]engine.BlobReader{}
	for _, c := range g.Map.Collections {
		for _, f := range c.Files {
			url, ok := cfg.Blobs.Files[f.Bucket]
			if !ok || buckets[f.Bucket] != nil {
				continue
			}
			s, err := blob.Open(ctx, url, nil)
			if err != nil {
				return nil, err
			}
			i.keep(s)
			buckets[f.Bucket] = blobs{s}
		}
	}
	return buckets, nil
}

// checkNames refuses two collections of one name: archives have one folder.
func (i *instance) checkNames() error {
	owner := map[string]string{}
	for _, d := range i.engine.Datasets {
		for _, c := range d.Graph.Map.Collections {
			if first, ok := owner[c.Name]; ok {
				return privacyd.Errorf(privacyd.ClassInvalid, "config_invalid",
					"Datasets %s and %s both have a collection %s. Rename it in one of the maps; its table keeps its name by table: %s.",
					first, d.Name, c.Name, c.Name)
			}
			owner[c.Name] = d.Name
		}
	}
	return nil
}

func compile(name, text string) (*datamap.Graph, error) {
	m, err := datamap.Parse(name, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	return datamap.Compile(m)
}

// place tells a map where its dataset is, when the configuration does.
func place(g *datamap.Graph, cfg config, name string) {
	for _, p := range cfg.Places {
		if p.Name == name {
			g.Map.Hosting = &datamap.Hosting{Region: p.Region, Country: p.Country, Processor: p.Processor}
		}
	}
}

// openSources opens a dataset's database and the replica that it is read from,
// where there is one.
func (i *instance) openSources(ctx context.Context, d datasetConfig) (source, error) {
	primary, err := openSource(ctx, d.Database)
	if err != nil {
		return source{}, err
	}
	i.keep(primary)
	if d.ReadReplica == "" {
		return source{primary, nil}, nil
	}
	replica, err := openSource(ctx, d.ReadReplica)
	if err != nil {
		return source{}, err
	}
	i.keep(replica)
	return source{replica, primary}, nil
}

// openSource opens a product's database: an address of PostgreSQL, or the path
// of an SQLite file, from which is erased where the file may be written.
func openSource(ctx context.Context, address string) (*sqlsource.Source, error) {
	if isPostgres(address) {
		return sqlsource.OpenPostgres(ctx, address)
	}
	path := strings.TrimPrefix(address, "sqlite://")
	if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
		_ = f.Close()
		return sqlsource.OpenSQLiteToErase(ctx, path)
	}
	return sqlsource.OpenSQLite(ctx, path)
}

func isPostgres(address string) bool {
	return strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://")
}

// source is a sqlsource.Source as engine sees it.
type source struct {
	*sqlsource.Source
	primary *sqlsource.Source // erased from; nil: the same
}

func (s source) Snapshot(ctx context.Context) (engine.Snapshot, error) {
	snapshot, err := s.Source.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return snapshot, nil
}

// Eraser implements engine.Source.
func (s source) Eraser() (engine.Eraser, error) {
	from := s.Source
	if s.primary != nil {
		from = s.primary
	}
	e, err := from.Eraser()
	if err != nil {
		return nil, err
	}
	return e, nil
}
