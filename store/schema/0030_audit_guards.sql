-- What is disclosed is never replaced, and of older checkpoints only those go
-- that a later one of the same day (UTC) stands for: a day has 86,400,000,000
-- microseconds.

-- only: sqlite
CREATE TRIGGER audit_disclosures_no_replace BEFORE INSERT ON audit_disclosures
WHEN EXISTS (SELECT 1 FROM audit_disclosures WHERE no = NEW.no)
BEGIN SELECT RAISE(ABORT, 'audit disclosures are never changed'); END;
CREATE TRIGGER audit_checkpoints_thin BEFORE DELETE ON audit_checkpoints
WHEN NOT EXISTS (SELECT 1 FROM audit_checkpoints later WHERE later.tree = OLD.tree AND later.size > OLD.size
    AND later.signed_at / 86400000000 = OLD.signed_at / 86400000000)
BEGIN SELECT RAISE(ABORT, 'the last checkpoint of a day is kept'); END;
-- end

-- only: postgres
CREATE FUNCTION audit_checkpoints_thin() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    IF EXISTS (SELECT 1 FROM audit_checkpoints later WHERE later.tree = OLD.tree AND later.size > OLD.size
        AND later.signed_at / 86400000000 = OLD.signed_at / 86400000000) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the last checkpoint of a day is kept' USING ERRCODE = 'integrity_constraint_violation';
END $f$;
CREATE TRIGGER audit_checkpoints_thin BEFORE DELETE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION audit_checkpoints_thin();
ALTER TABLE audit_checkpoints ENABLE ALWAYS TRIGGER audit_checkpoints_thin;
-- end
