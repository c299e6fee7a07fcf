-- Disclosures by number, in the order of their entries: of the entry seq these
-- are seq * 100 and up. Whoever writes an entry then writes at one place. One
-- index less, keys of a few bytes, and form, which tells how what is sealed is
-- laid out.

ALTER TABLE audit_disclosures RENAME TO audit_disclosures_by_owner;

-- only: sqlite
CREATE TABLE audit_disclosures (
    no       INTEGER PRIMARY KEY,
    owner    TEXT    NOT NULL, -- keyed hashes, nothing personal
    sealed   BYTEA   NOT NULL,
    form     INTEGER NOT NULL DEFAULT 0,
    digests  INTEGER NOT NULL DEFAULT 0
);
-- What is sorted is kept in memory, of which a connection has little: entries
-- are gone through as they lie, and of each its few disclosures are looked up.
INSERT INTO audit_disclosures (no, owner, sealed, digests)
    SELECT e.seq * 100 + (SELECT count(*) FROM audit_disclosures_by_owner x INDEXED BY audit_disclosures_entry
        WHERE x.entry_id = e.id AND x.owner < d.owner), d.owner, d.sealed, d.digests
    FROM audit_entries e CROSS JOIN audit_disclosures_by_owner d INDEXED BY audit_disclosures_entry
    WHERE d.entry_id = e.id ORDER BY e.seq, d.owner;

-- Whose they are, up to the number that the cursor has, in the order of owners.
-- New ones are added many at a time: an index would have an encrypted page
-- written anew for each owner in each transaction.
CREATE TABLE audit_owned (
    owner TEXT    NOT NULL,
    no    INTEGER NOT NULL, -- audit_disclosures.no
    PRIMARY KEY (owner, no)
) WITHOUT ROWID;
INSERT INTO audit_owned (owner, no)
    SELECT d.owner, n.no FROM audit_disclosures_by_owner d CROSS JOIN audit_entries e CROSS JOIN audit_disclosures n
    WHERE e.id = d.entry_id AND n.no BETWEEN e.seq * 100 AND e.seq * 100 + 99 AND n.owner = d.owner ORDER BY d.owner, d.entry_id;
ALTER TABLE audit_cursor ADD COLUMN owned INTEGER NOT NULL DEFAULT 0;
UPDATE audit_cursor SET owned = (SELECT coalesce(max(no), 0) FROM audit_disclosures);

-- Dropping a table keeps its pages in memory until that is done; deleting all its
-- rows does not.
DELETE FROM audit_disclosures_by_owner;
DROP TABLE audit_disclosures_by_owner;
CREATE TRIGGER audit_disclosures_no_update BEFORE UPDATE ON audit_disclosures
BEGIN SELECT RAISE(ABORT, 'audit disclosures are never changed'); END;
-- end

-- only: postgres
CREATE TABLE audit_disclosures (
    no       BIGINT   NOT NULL,
    form     SMALLINT NOT NULL DEFAULT 0,
    digests  SMALLINT NOT NULL DEFAULT 0,
    owner    TEXT     COLLATE "C" NOT NULL, -- keyed hashes, nothing personal
    sealed   BYTEA    NOT NULL
);
INSERT INTO audit_disclosures (no, owner, sealed, digests)
    SELECT e.seq * 100 + row_number() OVER (PARTITION BY d.entry_id ORDER BY d.owner COLLATE "C") - 1, d.owner, d.sealed, d.digests
    FROM audit_disclosures_by_owner d JOIN audit_entries e ON e.id = d.entry_id ORDER BY e.seq, d.owner COLLATE "C";
DROP TABLE audit_disclosures_by_owner;
ALTER TABLE audit_disclosures ADD PRIMARY KEY (no);
CREATE INDEX audit_disclosures_owner ON audit_disclosures (owner);
CREATE TRIGGER audit_disclosures_no_update BEFORE UPDATE ON audit_disclosures
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_disclosures_no_truncate BEFORE TRUNCATE ON audit_disclosures
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
ALTER TABLE audit_disclosures ENABLE ALWAYS TRIGGER audit_disclosures_no_update;
ALTER TABLE audit_disclosures ENABLE ALWAYS TRIGGER audit_disclosures_no_truncate;
ALTER TABLE audit_disclosures SET (autovacuum_vacuum_scale_factor = 0.01); -- what was deleted shall be gone soon
-- end
