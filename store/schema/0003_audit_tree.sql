-- The trees over the audit logs: which entry is the n-th leaf, and what was
-- signed. A row of audit_trees is one epoch of one log. The server needs
-- SELECT and INSERT on all tables; UPDATE on audit_trees, audit_cursor and
-- audit_noted; DELETE on audit_checkpoints.

CREATE TABLE audit_trees (
-- only: sqlite
    no         INTEGER PRIMARY KEY,
-- end
-- only: postgres
    no         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
-- end
    log        TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    size       BIGINT NOT NULL,
    edge       BYTEA  NOT NULL, -- roots of complete subtrees, the largest first, 32 bytes each
    root       BYTEA  NOT NULL,
    checkpoint BYTEA  NOT NULL, -- the newest signed note
    signed_at  BIGINT NOT NULL,
    UNIQUE (log, epoch)
);

-- No foreign keys: checking them would cost more than everything else here,
-- and neither side is ever deleted.
CREATE TABLE audit_positions (
-- only: sqlite
    entry INTEGER NOT NULL PRIMARY KEY, -- audit_entries.seq
-- end
-- only: postgres
    entry BIGINT  NOT NULL PRIMARY KEY, -- audit_entries.seq
-- end
    tree  BIGINT  NOT NULL,
    idx   BIGINT  NOT NULL,
    UNIQUE (tree, idx)
);

-- Roots of complete subtrees of 256, 65,536 … leaves (level 1, 2 …). What is
-- below a level is computed when it is needed.
CREATE TABLE audit_nodes (
    tree  BIGINT NOT NULL,
    level BIGINT NOT NULL,
    n     BIGINT NOT NULL,
    hash  BYTEA  NOT NULL,
    PRIMARY KEY (tree, level, n)
);

-- Older checkpoints: the last of each hour for a week, then of each day.
CREATE TABLE audit_checkpoints (
    tree       BIGINT NOT NULL,
    size       BIGINT NOT NULL,
    signed_at  BIGINT NOT NULL,
    checkpoint BYTEA  NOT NULL,
    PRIMARY KEY (tree, size)
);

-- What the instance's own log says of the others.
CREATE TABLE audit_noted (
    tree     BIGINT NOT NULL PRIMARY KEY,
    size     BIGINT NOT NULL,
    noted_at BIGINT NOT NULL
);

-- How far entries are integrated. Its row is the lock under which trees grow.
CREATE TABLE audit_cursor (
    one   BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    seq   BIGINT NOT NULL,
-- only: postgres
    xid   XID8   NOT NULL DEFAULT '0',
-- end
    place TEXT   NOT NULL, -- which database the cursor belongs to; another one: it was restored
    swept BIGINT NOT NULL  -- 0: entries that it may have passed are still to be looked for
);
INSERT INTO audit_cursor (one, seq, place, swept) VALUES (1, 0, '', 1);

-- only: postgres
CREATE INDEX audit_entries_xid ON audit_entries (xid, seq);
-- end

-- only: sqlite
CREATE TRIGGER audit_positions_no_update BEFORE UPDATE ON audit_positions
BEGIN SELECT RAISE(ABORT, 'audit positions are append-only'); END;
CREATE TRIGGER audit_positions_no_delete BEFORE DELETE ON audit_positions
BEGIN SELECT RAISE(ABORT, 'audit positions are append-only'); END;
CREATE TRIGGER audit_positions_no_replace BEFORE INSERT ON audit_positions
WHEN EXISTS (SELECT 1 FROM audit_positions WHERE entry = NEW.entry)
    OR EXISTS (SELECT 1 FROM audit_positions WHERE tree = NEW.tree AND idx = NEW.idx)
BEGIN SELECT RAISE(ABORT, 'audit positions are append-only'); END;

CREATE TRIGGER audit_nodes_no_update BEFORE UPDATE ON audit_nodes
BEGIN SELECT RAISE(ABORT, 'audit nodes are append-only'); END;
CREATE TRIGGER audit_nodes_no_delete BEFORE DELETE ON audit_nodes
BEGIN SELECT RAISE(ABORT, 'audit nodes are append-only'); END;
CREATE TRIGGER audit_nodes_no_replace BEFORE INSERT ON audit_nodes
WHEN EXISTS (SELECT 1 FROM audit_nodes WHERE tree = NEW.tree AND level = NEW.level AND n = NEW.n)
BEGIN SELECT RAISE(ABORT, 'audit nodes are append-only'); END;

CREATE TRIGGER audit_trees_grow BEFORE UPDATE ON audit_trees
WHEN NEW.no <> OLD.no OR NEW.log <> OLD.log OR NEW.epoch <> OLD.epoch OR NEW.size <= OLD.size
BEGIN SELECT RAISE(ABORT, 'an audit tree only grows'); END;
CREATE TRIGGER audit_trees_no_delete BEFORE DELETE ON audit_trees
BEGIN SELECT RAISE(ABORT, 'an audit tree only grows'); END;
CREATE TRIGGER audit_trees_no_replace BEFORE INSERT ON audit_trees
WHEN EXISTS (SELECT 1 FROM audit_trees WHERE no = NEW.no OR (log = NEW.log AND epoch >= NEW.epoch))
BEGIN SELECT RAISE(ABORT, 'an audit tree only grows'); END;

CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'a signed checkpoint is never changed'); END;
CREATE TRIGGER audit_checkpoints_no_replace BEFORE INSERT ON audit_checkpoints
WHEN EXISTS (SELECT 1 FROM audit_checkpoints WHERE tree = NEW.tree AND size = NEW.size)
BEGIN SELECT RAISE(ABORT, 'a signed checkpoint is never changed'); END;
-- end

-- only: postgres
CREATE FUNCTION audit_tree_grows() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW.no = OLD.no AND NEW.log = OLD.log AND NEW.epoch = OLD.epoch AND NEW.size > OLD.size THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT 1 FROM audit_trees WHERE log = NEW.log AND epoch >= NEW.epoch) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'an audit tree only grows' USING ERRCODE = 'integrity_constraint_violation';
END $f$;

CREATE TRIGGER audit_trees_grow BEFORE INSERT OR UPDATE OR DELETE ON audit_trees
    FOR EACH ROW EXECUTE FUNCTION audit_tree_grows();
CREATE TRIGGER audit_trees_no_truncate BEFORE TRUNCATE ON audit_trees
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_positions_append_only BEFORE UPDATE OR DELETE ON audit_positions
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_positions_no_truncate BEFORE TRUNCATE ON audit_positions
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_nodes_append_only BEFORE UPDATE OR DELETE ON audit_nodes
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_nodes_no_truncate BEFORE TRUNCATE ON audit_nodes
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_checkpoints_no_truncate BEFORE TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();

ALTER TABLE audit_trees ENABLE ALWAYS TRIGGER audit_trees_grow;
ALTER TABLE audit_trees ENABLE ALWAYS TRIGGER audit_trees_no_truncate;
ALTER TABLE audit_positions ENABLE ALWAYS TRIGGER audit_positions_append_only;
ALTER TABLE audit_positions ENABLE ALWAYS TRIGGER audit_positions_no_truncate;
ALTER TABLE audit_nodes ENABLE ALWAYS TRIGGER audit_nodes_append_only;
ALTER TABLE audit_nodes ENABLE ALWAYS TRIGGER audit_nodes_no_truncate;
ALTER TABLE audit_checkpoints ENABLE ALWAYS TRIGGER audit_checkpoints_no_update;
ALTER TABLE audit_checkpoints ENABLE ALWAYS TRIGGER audit_checkpoints_no_truncate;
-- end
