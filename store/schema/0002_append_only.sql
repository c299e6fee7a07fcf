-- The audit log's entries are never changed and never deleted. These triggers
-- are seat belts; the proof is the signed tree of their hashes.

-- only: sqlite
CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
-- INSERT OR REPLACE would delete without firing the trigger above. With OR in
-- one subquery SQLite would scan the table once it had statistics of few rows.
CREATE TRIGGER audit_entries_no_replace BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id)
    OR EXISTS (SELECT 1 FROM audit_entries WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END;
CREATE TRIGGER audit_disclosures_no_update BEFORE UPDATE ON audit_disclosures
BEGIN SELECT RAISE(ABORT, 'audit disclosures are never changed'); END;
-- end

-- only: postgres
CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    RAISE EXCEPTION 'audit entries are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $f$;
CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_disclosures_no_update BEFORE UPDATE ON audit_disclosures
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_disclosures_no_truncate BEFORE TRUNCATE ON audit_disclosures
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_append_only;
ALTER TABLE audit_entries ENABLE ALWAYS TRIGGER audit_entries_no_truncate;
ALTER TABLE audit_disclosures ENABLE ALWAYS TRIGGER audit_disclosures_no_update;
ALTER TABLE audit_disclosures ENABLE ALWAYS TRIGGER audit_disclosures_no_truncate;
-- end
