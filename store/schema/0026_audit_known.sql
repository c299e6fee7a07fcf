-- By which ids and e-mail addresses a product's entries in the audit log name
-- people, so that whoever is erased is found. Nothing personal: keyed hashes.

CREATE TABLE audit_known (
    known_as TEXT NOT NULL,
    log      TEXT NOT NULL, -- a workspace's id
    owner    TEXT NOT NULL,
    PRIMARY KEY (known_as, log, owner)
);
CREATE INDEX audit_known_owner ON audit_known (owner);
CREATE INDEX audit_known_log ON audit_known (log);
