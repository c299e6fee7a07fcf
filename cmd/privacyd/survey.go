package main

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/vault/bucket"
)

const (
	surveyEvery    = 24 * time.Hour
	surveyPatience = 20 * time.Second
)

// buckets are the addresses of the configuration that lead to object stores, by
// the keys that they stand under.
func (c *config) buckets() map[string]string {
	all := map[string]string{"keys.store": c.Keys.Store, "ledger": c.Ledger, "blobs.exports": c.Blobs.Exports}
	for name, address := range c.Blobs.Files {
		all["blobs.files."+name] = address
	}
	maps.DeleteFunc(all, func(_, address string) bool {
		_, folder := bucket.Folder(address)
		return folder
	})
	return all
}

// surveyor asks object stores where their buckets lie.
type surveyor struct{ buckets map[string]string }

// Survey implements engine.Surveyor.
func (s surveyor) Survey(ctx context.Context) []privacyd.Sighting {
	ctx, cancel := context.WithTimeout(ctx, surveyPatience)
	defer cancel()
	names := slices.Sorted(maps.Keys(s.buckets))
	seen := make([]privacyd.Sighting, len(names))
	var asking sync.WaitGroup
	for n, name := range names {
		asking.Go(func() {
			found, err := bucket.Locate(ctx, s.buckets[name])
			seen[n] = privacyd.Sighting{Use: name, Bucket: whichBucket(s.buckets[name]), Region: found.Region, Amazon: found.Amazon, At: now()}
			if !found.CertificateEnd.IsZero() {
				seen[n].CertificateEnd = &found.CertificateEnd
			}
			if err != nil {
				seen[n].Fault = privacyd.MessageOf(err)
			}
		})
	}
	asking.Wait()
	return seen
}

// whichBucket is an address without its settings but for the store's.
func whichBucket(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + " " + u.Query().Get("endpoint")
}

// survey refuses to start while a bucket lies elsewhere than it is declared,
// unless only erasures are to be run or somebody looks for what is wrong. Code
// place_moved.
func (i *instance) survey(ctx context.Context, f *folder) error {
	err := i.engine.Survey(ctx)
	if f.replaying && privacyd.CodeOf(err) == "place_moved" {
		return nil
	}
	return err
}
