package store

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// PutPlan keeps a plan for whoever was shown it; a later one with the same
// hash takes its place.
func (s *Store) PutPlan(ctx context.Context, p privacyd.StoredPlan) error {
	_, err := s.db.Exec(ctx, `INSERT INTO plans (scope, hash, shown_to, sealed, made_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (scope, hash, shown_to) DO UPDATE SET sealed = excluded.sealed, made_at = excluded.made_at, expires_at = excluded.expires_at`,
		p.Scope, p.Hash, p.ShownTo, p.Sealed, sqldb.Micros(p.MadeAt), sqldb.Micros(p.ExpiresAt))
	if err != nil {
		return fmt.Errorf("keep a plan: %w", err)
	}
	return nil
}

// Plan finds a plan that can be confirmed at now: the one that shownTo was
// shown, or the newest when that is empty. Code plan_not_found.
func (s *Store) Plan(ctx context.Context, scope, hash, shownTo string, now time.Time) (privacyd.StoredPlan, error) {
	var p privacyd.StoredPlan
	var made, expires int64
	err := s.db.QueryRow(ctx, `SELECT scope, hash, shown_to, sealed, made_at, expires_at FROM plans
		WHERE scope = $1 AND hash = $2 AND ($3 = '' OR shown_to = $3) AND expires_at > $4 ORDER BY made_at DESC LIMIT 1`,
		scope, hash, shownTo, sqldb.Micros(now)).Scan(&p.Scope, &p.Hash, &p.ShownTo, &p.Sealed, &made, &expires)
	p.MadeAt, p.ExpiresAt = sqldb.Time(made), sqldb.Time(expires)
	return one(p, err, privacyd.Errorf(privacyd.ClassRefused, "plan_not_found",
		"There is no plan with this hash that you were shown within 24 hours. Look at the plan, and confirm it by its hash."), "read plan")
}

// DeletePlans forgets the plans that can no more be confirmed.
func (s *Store) DeletePlans(ctx context.Context, now time.Time) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM plans WHERE expires_at <= $1`, sqldb.Micros(now)); err != nil {
		return fmt.Errorf("delete old plans: %w", err)
	}
	return nil
}

// DeletePlan forgets a plan once it was carried out.
func (s *Store) DeletePlan(ctx context.Context, scope, hash string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM plans WHERE scope = $1 AND hash = $2`, scope, hash); err != nil {
		return fmt.Errorf("delete plan: %w", err)
	}
	return nil
}
