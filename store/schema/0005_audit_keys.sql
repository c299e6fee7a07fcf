-- What a product called the entries that it wrote, by keyed hashes, so that
-- sending them again writes nothing twice. Rows live for some days.

CREATE TABLE audit_keys (
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    hash         BYTEA  NOT NULL,
    content      BYTEA  NOT NULL, -- keyed hash of what was sent
    entries      BYTEA  NOT NULL, -- the ids of the entries that it became, 16 bytes each
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, hash)
);
CREATE INDEX audit_keys_age ON audit_keys (created_at);
