package store

import (
	"context"
	"fmt"

	"github.com/privacyd/privacyd"
	"github.com/privacyd/privacyd/store/sqldb"
)

// The kinds of legal contacts.
const (
	contactController = "controller"
	contactOfficer    = "officer"
)

// PutLegalNotice replaces whom people write to about a workspace's data.
func (s *Store) PutLegalNotice(ctx context.Context, workspaceID string, n privacyd.LegalNotice, auditID string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM legal_contacts WHERE workspace_id = $1`, workspaceID); err != nil {
		return fmt.Errorf("replace legal contacts: %w", err)
	}
	for kind, c := range map[string]privacyd.Contact{contactController: n.Contact, contactOfficer: n.Officer} {
		if c.Empty() {
			continue
		}
		_, err := s.db.Exec(ctx, `INSERT INTO legal_contacts (workspace_id, kind, name, email, address, published, updated_at, audit_entry_id)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			workspaceID, kind, c.Name, c.Email, c.Address, toInt(n.Published && kind == contactController), sqldb.Micros(n.UpdatedAt), auditID)
		if err != nil {
			return fmt.Errorf("insert legal contact: %w", err)
		}
	}
	return nil
}

// LegalNotices gives whom people write to, by workspace; with an id, of that
// one alone. Of a workspace that is deleted there is none.
func (s *Store) LegalNotices(ctx context.Context, workspaceID string) (map[string]privacyd.LegalNotice, error) {
	type part struct {
		workspace, kind string
		contact         privacyd.Contact
		notice          privacyd.LegalNotice
	}
	parts, err := collect(ctx, s, func(row scanner) (p part, err error) {
		var published, updated int64
		err = row.Scan(&p.workspace, &p.kind, &p.contact.Name, &p.contact.Email, &p.contact.Address, &published, &updated)
		p.notice.Published, p.notice.UpdatedAt = published != 0, sqldb.Time(updated)
		return p, err
	}, `SELECT workspace_id, kind, name, email, address, published, updated_at FROM legal_contacts WHERE workspace_id = $1 OR $1 = ''`, workspaceID)
	if err != nil {
		return nil, fmt.Errorf("read legal contacts: %w", err)
	}
	all := map[string]privacyd.LegalNotice{}
	for _, p := range parts {
		n := all[p.workspace]
		n.UpdatedAt = p.notice.UpdatedAt
		if p.kind == contactController {
			n.Contact, n.Published = p.contact, p.notice.Published
		} else {
			n.Officer = p.contact
		}
		all[p.workspace] = n
	}
	return all, nil
}

// InsertDocument adds a document. Code document_exists.
func (s *Store) InsertDocument(ctx context.Context, d privacyd.Document, auditID string) error {
	n, err := s.db.Exec(ctx, `INSERT INTO legal_documents (id, title, version, dated, link, content_type, size, sha256, blob_key, added_at, audit_entry_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (title, version) DO NOTHING`,
		d.ID, d.Title, d.Version, d.Date, d.Link, d.ContentType, d.Size, d.SHA256, d.BlobKey, sqldb.Micros(d.AddedAt), auditID)
	if err == nil && n == 0 {
		return privacyd.Errorf(privacyd.ClassConflict, "document_exists", "There is a document with this title and version already. Give the new one another version.")
	}
	if err != nil {
		return fmt.Errorf("insert document: %w", err)
	}
	return nil
}

// DeleteDocument removes a document; known tells whether there was one.
func (s *Store) DeleteDocument(ctx context.Context, id string) (known bool, err error) {
	n, err := s.db.Exec(ctx, `DELETE FROM legal_documents WHERE id = $1`, id)
	if err != nil {
		return false, fmt.Errorf("delete document: %w", err)
	}
	return n > 0, nil
}

// Documents lists all documents by title, those of one title the newest first.
func (s *Store) Documents(ctx context.Context) ([]privacyd.Document, error) {
	list, err := collect(ctx, s, func(row scanner) (d privacyd.Document, err error) {
		var added int64
		err = row.Scan(&d.ID, &d.Title, &d.Version, &d.Date, &d.Link, &d.ContentType, &d.Size, &d.SHA256, &d.BlobKey, &added)
		d.AddedAt = sqldb.Time(added)
		return d, err
	}, `SELECT id, title, version, dated, link, content_type, size, sha256, blob_key, added_at FROM legal_documents ORDER BY lower(title), title, dated DESC, id DESC`)
	if err != nil {
		return nil, fmt.Errorf("list documents: %w", err)
	}
	return list, nil
}
