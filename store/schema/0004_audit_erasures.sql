-- Who is being erased from the audit logs, so that whoever goes on after a
-- crash knows. Nothing personal: owners are keyed hashes. Rows live for some
-- days after the erasure, in which entries that were about to be written at its
-- time are looked for.

CREATE TABLE audit_erasures (
    owner      TEXT   NOT NULL PRIMARY KEY,
    intent     TEXT   NOT NULL REFERENCES audit_entries (id),
    begun_at   BIGINT NOT NULL,
    done_at    BIGINT -- NULL: it is not done yet
);
CREATE INDEX audit_erasures_open ON audit_erasures (begun_at) WHERE done_at IS NULL;
CREATE INDEX audit_erasures_done ON audit_erasures (done_at);

-- Disclosures by owner first: whoever erases finds them without reading the
-- disclosures themselves. Readers of entries find theirs by the index. There is
-- no foreign key: both are inserted together, entries are never deleted, and
-- checking it took a tenth of an action.
-- only: sqlite
ALTER TABLE audit_disclosures RENAME TO audit_disclosures_by_entry;
CREATE TABLE audit_disclosures (
    entry_id TEXT  NOT NULL,
    owner    TEXT  NOT NULL, -- keyed hashes, nothing personal
    sealed   BYTEA NOT NULL,
    PRIMARY KEY (owner, entry_id)
);
INSERT INTO audit_disclosures SELECT entry_id, owner, sealed FROM audit_disclosures_by_entry ORDER BY entry_id;
DROP TABLE audit_disclosures_by_entry;
CREATE INDEX audit_disclosures_entry ON audit_disclosures (entry_id);
CREATE TRIGGER audit_disclosures_no_update BEFORE UPDATE ON audit_disclosures
BEGIN SELECT RAISE(ABORT, 'audit disclosures are never changed'); END;
-- end
-- only: postgres
ALTER TABLE audit_disclosures DROP CONSTRAINT audit_disclosures_entry_id_fkey, DROP CONSTRAINT audit_disclosures_pkey, ADD PRIMARY KEY (owner, entry_id);
DROP INDEX audit_disclosures_owner;
CREATE INDEX audit_disclosures_entry ON audit_disclosures (entry_id);
ALTER TABLE audit_disclosures SET (autovacuum_vacuum_scale_factor = 0.01); -- what was deleted shall be gone soon
-- end
