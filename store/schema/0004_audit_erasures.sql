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
