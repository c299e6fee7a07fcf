package store

import (
	"context"
	"fmt"
	"time"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

func errNoMail() error {
	return privacyd.Errorf(privacyd.ClassNotFound, "mail_not_found", "There is no such mail: it was sent, or given up.")
}

const mailColumns = "id, owner, kind, sealed, tries, kept, created_at, held_for, held_at"

func scanMail(row scanner) (privacyd.QueuedMail, error) {
	var m privacyd.QueuedMail
	var kept, created, held int64
	err := row.Scan(&m.ID, &m.Owner, &m.Kind, &m.Sealed, &m.Tries, &kept, &created, &m.HeldFor, &held)
	if m.Kept, m.CreatedAt = kept != 0, sqldb.Time(created); held != 0 {
		m.HeldAt = sqldb.Time(held)
	}
	return m, err
}

// InsertMail keeps a mail that waits.
func (s *Store) InsertMail(ctx context.Context, m privacyd.QueuedMail) error {
	_, err := s.db.Exec(ctx, `INSERT INTO mails (`+mailColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, '', 0)`,
		m.ID, m.Owner, m.Kind, m.Sealed, m.Tries, toInt(m.Kept), sqldb.Micros(m.CreatedAt))
	if err != nil {
		return fmt.Errorf("insert mail: %w", err)
	}
	return nil
}

// Mail finds a mail that waits. Code mail_not_found.
func (s *Store) Mail(ctx context.Context, id string) (privacyd.QueuedMail, error) {
	m, err := scanMail(s.db.QueryRow(ctx, `SELECT `+mailColumns+` FROM mails WHERE id = $1`, id))
	return one(m, err, errNoMail(), "read mail")
}

// KeptMails lists kept mails, the newest first: those of one owner, or all;
// those before one of them, where it is named by its id.
func (s *Store) KeptMails(ctx context.Context, owner, before string, limit int) ([]privacyd.QueuedMail, error) {
	list, err := collect(ctx, s, scanMail, `SELECT `+mailColumns+` FROM mails
		WHERE kept = 1 AND ($1 = '' OR owner = $1) AND ($2 = '' OR (created_at, id) < (SELECT created_at, id FROM mails WHERE id = $2))
		ORDER BY created_at DESC, id DESC LIMIT $3`, owner, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	return list, nil
}

// SetTries keeps how often a mail was tried.
func (s *Store) SetTries(ctx context.Context, id string, tries int) error {
	if _, err := s.db.Exec(ctx, `UPDATE mails SET tries = $1 WHERE id = $2`, tries, id); err != nil {
		return fmt.Errorf("count the tries of a mail: %w", err)
	}
	return nil
}

// HoldMail keeps a mail back for a workspace, or lets it go when there is none.
func (s *Store) HoldMail(ctx context.Context, id, workspaceID string, at time.Time) error {
	if _, err := s.db.Exec(ctx, `UPDATE mails SET held_for = $1, held_at = $2 WHERE id = $3`, workspaceID, sqldb.Micros(at), id); err != nil {
		return fmt.Errorf("hold mail: %w", err)
	}
	return nil
}

// HeldMails gives the ids of mails that are held, the oldest first: those of a
// workspace, or all.
func (s *Store) HeldMails(ctx context.Context, workspaceID string, limit int) ([]string, error) {
	ids, err := collect(ctx, s, func(row scanner) (id string, err error) {
		err = row.Scan(&id)
		return id, err
	}, `SELECT id FROM mails WHERE held_for <> '' AND ($1 = '' OR held_for = $1) ORDER BY id LIMIT $2`, workspaceID, limit)
	if err != nil {
		return nil, fmt.Errorf("list held mails: %w", err)
	}
	return ids, nil
}

// DeleteMail deletes a mail.
func (s *Store) DeleteMail(ctx context.Context, id string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM mails WHERE id = $1`, id); err != nil {
		return fmt.Errorf("delete mail: %w", err)
	}
	return nil
}

// InsertResetRequest keeps a sealed address for which a new password was asked.
func (s *Store) InsertResetRequest(ctx context.Context, id string, sealed []byte, at time.Time) error {
	_, err := s.db.Exec(ctx, `INSERT INTO reset_requests (id, sealed, created_at) VALUES ($1, $2, $3)`, id, sealed, sqldb.Micros(at))
	if err != nil {
		return fmt.Errorf("insert request for a password: %w", err)
	}
	return nil
}

// TakeResetRequest deletes a request and gives what was sealed; nil when there
// is none. It needs a transaction.
func (s *Store) TakeResetRequest(ctx context.Context, id string) ([]byte, error) {
	found, err := collect(ctx, s, func(row scanner) (sealed []byte, err error) {
		err = row.Scan(&sealed)
		return sealed, err
	}, `DELETE FROM reset_requests WHERE id = $1 RETURNING sealed`, id)
	if err != nil {
		return nil, fmt.Errorf("take request for a password: %w", err)
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}
