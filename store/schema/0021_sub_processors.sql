-- Whom the operator engages to process data, in versions that are never
-- changed, and which workspaces object.

CREATE TABLE sub_processors (
    id             TEXT   NOT NULL,
    version        BIGINT NOT NULL,
    name           TEXT   NOT NULL,
    purpose        TEXT   NOT NULL,
    country        TEXT   NOT NULL,
    categories     TEXT   NOT NULL, -- JSON
    basis          TEXT   NOT NULL,
    from_at        BIGINT NOT NULL,
    ended          BIGINT NOT NULL,
    announced_at   BIGINT NOT NULL,
    told_after     TEXT   NOT NULL, -- the workspace whose admins were told last
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    PRIMARY KEY (id, version)
);

CREATE TABLE objections (
    workspace_id     TEXT   NOT NULL REFERENCES workspaces (id),
    sub_processor_id TEXT   NOT NULL,
    version          BIGINT NOT NULL,
    account_id       TEXT   NOT NULL,
    at               BIGINT NOT NULL,
    audit_entry_id   TEXT   NOT NULL REFERENCES audit_entries (id),
    PRIMARY KEY (workspace_id, sub_processor_id, version),
    FOREIGN KEY (sub_processor_id, version) REFERENCES sub_processors (id, version)
);
CREATE INDEX objections_account ON objections (account_id);
