-- Every row that records an action refers to its audit entry, so that an
-- action without one cannot commit. Times are microseconds since 1970, UTC.

CREATE TABLE audit_entries (
-- only: sqlite
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
-- end
-- only: postgres
    seq         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid         XID8   NOT NULL DEFAULT pg_current_xact_id(), -- the sequencer's watermark
-- end
    id          TEXT   NOT NULL UNIQUE,
    log         TEXT   NOT NULL, -- workspace id; empty: the instance
    at          BIGINT NOT NULL,
    action      TEXT   NOT NULL,
    outcome     TEXT   NOT NULL,
    target_type TEXT   NOT NULL,
    leaf        BYTEA  NOT NULL,
    leaf_hash   BYTEA  NOT NULL
);
CREATE INDEX audit_entries_log ON audit_entries (log, id);

-- The only part of the log that an erasure deletes.
CREATE TABLE audit_disclosures (
    entry_id TEXT  NOT NULL REFERENCES audit_entries (id),
    owner    TEXT  NOT NULL, -- keyed hashes, nothing personal
    sealed   BYTEA NOT NULL,
    PRIMARY KEY (entry_id, owner)
);
CREATE INDEX audit_disclosures_owner ON audit_disclosures (owner);

-- What belongs to this database as a whole.
CREATE TABLE instance (
    name  TEXT  NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE accounts (
    id             TEXT   NOT NULL PRIMARY KEY,
    email          TEXT   NOT NULL UNIQUE,
    name           TEXT   NOT NULL,
    password_hash  TEXT   NOT NULL DEFAULT '', -- empty: cannot sign in with a password
    invited        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);

CREATE TABLE workspaces (
    id             TEXT   NOT NULL PRIMARY KEY,
    slug           TEXT   NOT NULL UNIQUE,
    name           TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);

CREATE TABLE workspace_datasets (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    dataset      TEXT NOT NULL,
    dataset_key  TEXT, -- NULL: the dataset has nothing of this workspace, on purpose
    PRIMARY KEY (workspace_id, dataset),
    UNIQUE (dataset, dataset_key)
);

CREATE TABLE members (
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    account_id     TEXT   NOT NULL REFERENCES accounts (id),
    role           TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    PRIMARY KEY (workspace_id, account_id)
);
CREATE INDEX members_account ON members (account_id);

CREATE TABLE sessions (
    id             TEXT   NOT NULL PRIMARY KEY,
    account_id     TEXT   NOT NULL REFERENCES accounts (id),
    hash           BYTEA  NOT NULL UNIQUE, -- SHA-256 of the secret that the browser holds
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);
CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE sign_in_links (
    hash           BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the secret in the link
    account_id     TEXT   NOT NULL REFERENCES accounts (id),
    expires_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);

CREATE INDEX sign_in_links_expiry ON sign_in_links (expires_at);

CREATE TABLE api_tokens (
    id             TEXT   NOT NULL PRIMARY KEY,
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    label          TEXT   NOT NULL,
    hash           BYTEA  NOT NULL UNIQUE, -- SHA-256 of the secret
    scopes         TEXT   NOT NULL,        -- JSON array of actions
    created_at     BIGINT NOT NULL,
    created_by     TEXT   NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);
CREATE INDEX api_tokens_workspace ON api_tokens (workspace_id);

CREATE TABLE jobs (
    id              TEXT   NOT NULL PRIMARY KEY,
    workspace_id    TEXT   NOT NULL REFERENCES workspaces (id),
    type            TEXT   NOT NULL,
    state           TEXT   NOT NULL,
    subject_kind    TEXT   NOT NULL DEFAULT '',
    subject_id      TEXT   NOT NULL DEFAULT '',
    format          TEXT   NOT NULL DEFAULT '',
    requested_by    TEXT   NOT NULL,
    done            BIGINT NOT NULL DEFAULT 0,
    total           BIGINT NOT NULL DEFAULT 0,
    unit            TEXT   NOT NULL DEFAULT 'records',
    bytes           BIGINT NOT NULL DEFAULT 0,
    result          TEXT   NOT NULL DEFAULT '', -- JSON
    error_code      TEXT   NOT NULL DEFAULT '',
    error_message   TEXT   NOT NULL DEFAULT '',
    cancel_asked    BIGINT NOT NULL DEFAULT 0,
    cancelled_by    TEXT   NOT NULL DEFAULT '',
    created_at      BIGINT NOT NULL,
    execute_after   BIGINT,
    started_at      BIGINT,
    ended_at        BIGINT,
    expires_at      BIGINT,
    runs            BIGINT NOT NULL DEFAULT 0,
    audit_entry_id  TEXT   NOT NULL REFERENCES audit_entries (id)  -- of the last change of state
);
CREATE INDEX jobs_workspace ON jobs (workspace_id, id);
CREATE INDEX jobs_unfinished ON jobs (workspace_id, type)
    WHERE state IN ('pending_approval', 'scheduled', 'queued', 'running', 'blocked');

-- Idempotency keys of requests, by their SHA-256.
CREATE TABLE job_keys (
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    hash         BYTEA  NOT NULL,
    job_id       TEXT   NOT NULL REFERENCES jobs (id),
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, hash)
);
CREATE INDEX job_keys_age ON job_keys (created_at);
CREATE INDEX job_keys_job ON job_keys (job_id);

CREATE TABLE export_files (
    job_id         TEXT   NOT NULL PRIMARY KEY REFERENCES jobs (id),
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    blob_key       TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    size           BIGINT NOT NULL,
    sha256         TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);
CREATE INDEX export_files_expiry ON export_files (expires_at);
