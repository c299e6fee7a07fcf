-- Up to which entry erasures' entries were written before they were signed:
-- those are believed without, also where they come into a tree only now.

ALTER TABLE audit_cursor ADD COLUMN unsigned_to BIGINT NOT NULL DEFAULT 0; -- audit_entries.seq
UPDATE audit_cursor SET unsigned_to = (SELECT coalesce(max(seq), 0) FROM audit_entries);

-- only: sqlite
CREATE TRIGGER audit_cursor_unsigned BEFORE UPDATE OF unsigned_to ON audit_cursor
BEGIN SELECT RAISE(ABORT, 'which audit entries are not signed is never changed'); END;
-- end
-- only: postgres
CREATE TRIGGER audit_cursor_unsigned BEFORE UPDATE OF unsigned_to ON audit_cursor
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
ALTER TABLE audit_cursor ENABLE ALWAYS TRIGGER audit_cursor_unsigned;
-- end
