package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/privacyd/privacyd"
)

// InsertKnown remembers by what owners of disclosures in a log are known, in one
// order for all so that two batches never wait for each other.
func (s *Store) InsertKnown(ctx context.Context, log string, list []privacyd.AuditKnown) error {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b privacyd.AuditKnown) int {
		return cmp.Or(cmp.Compare(a.As, b.As), cmp.Compare(a.Owner, b.Owner))
	})
	for some := range slices.Chunk(slices.Compact(list), keysAtOnce) {
		as, owners := make([]string, len(some)), make([]string, len(some))
		for i, k := range some {
			as[i], owners[i] = k.As, k.Owner
		}
		rows, args := s.rowsAs("r", 2, column{"known_as", as}, column{"owner", owners})
		_, err := s.db.Exec(ctx, `INSERT INTO audit_known (known_as, log, owner) SELECT r.known_as, $1, r.owner FROM `+rows+` WHERE true
			ON CONFLICT DO NOTHING`, append([]any{log}, args...)...)
		if err != nil {
			return fmt.Errorf("remember by what persons are known: %w", err)
		}
	}
	return nil
}

// OwnersKnownAs gives the owners, in one log or for the empty log in all, who are
// known as one of these.
func (s *Store) OwnersKnownAs(ctx context.Context, log string, as []string) ([]string, error) {
	var owners []string
	for some := range slices.Chunk(as, keysAtOnce) {
		rows, args := s.rowsAs("r", 2, column{"known_as", some})
		found, err := collect(ctx, s, scanText, `SELECT DISTINCT k.owner FROM `+rows+` CROSS JOIN audit_known k
			WHERE k.known_as = r.known_as AND ($1 = '' OR k.log = $1)`, append([]any{log}, args...)...)
		if err != nil {
			return nil, fmt.Errorf("look for persons by what they are known: %w", err)
		}
		owners = append(owners, found...)
	}
	slices.Sort(owners)
	return slices.Compact(owners), nil
}

// ForgetKnown forgets by what owners are known.
func (s *Store) ForgetKnown(ctx context.Context, owners []string) error {
	for some := range slices.Chunk(owners, keysAtOnce) {
		list, in := s.listAs(1, some)
		if _, err := s.db.Exec(ctx, `DELETE FROM audit_known WHERE owner IN `+in, list); err != nil {
			return fmt.Errorf("forget by what persons are known: %w", err)
		}
	}
	return nil
}
