-- In which stretches of time a log has an action, so that a page of a rare one
-- does not read all entries: the first ten letters of a UUIDv7 are 4.1 seconds.
-- The sequencer adds to it, many entries at a time; entries that it has not come
-- to yet are looked through.

CREATE TABLE audit_actions (
    log     TEXT NOT NULL,
    action  TEXT NOT NULL,
    stretch TEXT NOT NULL, -- of audit_entries.id
    PRIMARY KEY (log, action, stretch)
-- only: sqlite
) WITHOUT ROWID;
-- end
-- only: postgres
);
-- end
INSERT INTO audit_actions (log, action, stretch) SELECT e.log, e.action, substr(e.id, 1, 10) FROM audit_entries e WHERE true ON CONFLICT DO NOTHING;

-- only: sqlite
CREATE TRIGGER audit_actions_no_update BEFORE UPDATE ON audit_actions
BEGIN SELECT RAISE(ABORT, 'audit actions are append-only'); END;
CREATE TRIGGER audit_actions_no_delete BEFORE DELETE ON audit_actions
BEGIN SELECT RAISE(ABORT, 'audit actions are append-only'); END;
-- end
-- only: postgres
CREATE TRIGGER audit_actions_append_only BEFORE UPDATE OR DELETE ON audit_actions
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_actions_no_truncate BEFORE TRUNCATE ON audit_actions
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
ALTER TABLE audit_actions ENABLE ALWAYS TRIGGER audit_actions_append_only;
ALTER TABLE audit_actions ENABLE ALWAYS TRIGGER audit_actions_no_truncate;
-- end
