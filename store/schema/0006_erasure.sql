-- Erasures: their jobs, plans, holds, policies, receipts and the files that
-- are still to go. Ids that may be personal are kept as a keyed hash, by which
-- they are found, and as a sealed value, which erasing the person makes
-- unreadable. Times are microseconds since 1970, UTC.

-- A job of an account in all its workspaces has none, and so has its export.
-- only: postgres
ALTER TABLE jobs ALTER COLUMN workspace_id DROP NOT NULL;
ALTER TABLE export_files ALTER COLUMN workspace_id DROP NOT NULL;
ALTER TABLE job_keys DROP CONSTRAINT job_keys_workspace_id_fkey;
ALTER TABLE job_keys RENAME COLUMN workspace_id TO scope;
-- end
-- only: sqlite
CREATE TABLE jobs_new (
    id              TEXT   NOT NULL PRIMARY KEY,
    workspace_id    TEXT   REFERENCES workspaces (id),
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
    result          TEXT   NOT NULL DEFAULT '',
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
    audit_entry_id  TEXT   NOT NULL REFERENCES audit_entries (id)
);
INSERT INTO jobs_new SELECT id, workspace_id, type, state, subject_kind, subject_id, format, requested_by, done, total, unit, bytes,
    result, error_code, error_message, cancel_asked, cancelled_by, created_at, execute_after, started_at, ended_at, expires_at, runs,
    audit_entry_id FROM jobs;
CREATE TABLE job_keys_new (
    scope        TEXT   NOT NULL,
    hash         BYTEA  NOT NULL,
    job_id       TEXT   NOT NULL REFERENCES jobs_new (id),
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (scope, hash)
);
INSERT INTO job_keys_new SELECT workspace_id, hash, job_id, created_at FROM job_keys;
CREATE TABLE export_files_new (
    job_id         TEXT   NOT NULL PRIMARY KEY REFERENCES jobs_new (id),
    workspace_id   TEXT   REFERENCES workspaces (id),
    blob_key       TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    size           BIGINT NOT NULL,
    sha256         TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);
INSERT INTO export_files_new SELECT job_id, workspace_id, blob_key, name, size, sha256, created_at, expires_at, audit_entry_id FROM export_files;
DROP TABLE job_keys;
DROP TABLE export_files;
DROP TABLE jobs;
ALTER TABLE jobs_new RENAME TO jobs;
ALTER TABLE job_keys_new RENAME TO job_keys;
ALTER TABLE export_files_new RENAME TO export_files;
CREATE INDEX jobs_workspace ON jobs (workspace_id, id);
CREATE INDEX jobs_unfinished ON jobs (workspace_id, type)
    WHERE state IN ('pending_approval', 'scheduled', 'queued', 'running', 'blocked');
CREATE INDEX job_keys_age ON job_keys (created_at);
CREATE INDEX job_keys_job ON job_keys (job_id);
CREATE INDEX export_files_expiry ON export_files (expires_at);
-- end

-- subject_id is only that of a job made before there was subject_ref; it is
-- sealed and blanked at the next start.
ALTER TABLE jobs ADD COLUMN subject_ref TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN subject_sealed BYTEA;
ALTER TABLE jobs ADD COLUMN waiting_on TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN before_at BIGINT;
ALTER TABLE jobs ADD COLUMN plan_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN confirmed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN confirmed_at BIGINT;
ALTER TABLE jobs ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN remind_at BIGINT;
CREATE INDEX jobs_subject ON jobs (subject_ref) WHERE subject_ref <> '';
CREATE INDEX jobs_plain_subject ON jobs (id) WHERE subject_id <> '';
CREATE INDEX jobs_reminder ON jobs (remind_at) WHERE remind_at IS NOT NULL;

CREATE TABLE workspace_settings (
    workspace_id   TEXT NOT NULL PRIMARY KEY REFERENCES workspaces (id),
    state          TEXT NOT NULL DEFAULT 'active',
    job_id         TEXT REFERENCES jobs (id), -- that deletes it
    settings       TEXT NOT NULL DEFAULT '',  -- JSON; empty: the defaults
    audit_entry_id TEXT NOT NULL REFERENCES audit_entries (id)
);

-- Accounts whose deletion is in its grace period.
CREATE TABLE leaving_accounts (
    account_id     TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id),
    job_id         TEXT NOT NULL REFERENCES jobs (id),
    audit_entry_id TEXT NOT NULL REFERENCES audit_entries (id)
);

-- Plans that were shown and can be confirmed, for 24 hours.
CREATE TABLE plans (
    scope      TEXT   NOT NULL, -- a workspace's id, or an account's
    hash       TEXT   NOT NULL,
    shown_to   TEXT   NOT NULL, -- account id, token id, or "operator"
    sealed     BYTEA  NOT NULL,
    made_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (scope, hash, shown_to)
);
CREATE INDEX plans_expiry ON plans (expires_at);

CREATE TABLE holds (
    id             TEXT   NOT NULL PRIMARY KEY,
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    type           TEXT   NOT NULL,
    target_ref     TEXT   NOT NULL,
    sealed         BYTEA  NOT NULL, -- target and reasons
    ground         TEXT   NOT NULL,
    review_at      BIGINT NOT NULL,
    placed_by      TEXT   NOT NULL,
    placed_at      BIGINT NOT NULL,
    released_by    TEXT   NOT NULL DEFAULT '',
    released_at    BIGINT,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);
CREATE INDEX holds_workspace ON holds (workspace_id, id);
CREATE INDEX holds_target ON holds (target_ref);

CREATE TABLE retention_policies (
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    version        BIGINT NOT NULL,
    days           BIGINT NOT NULL, -- of 24 hours; 0: forever
    from_at        BIGINT NOT NULL,
    set_by         TEXT   NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    PRIMARY KEY (workspace_id, version)
);

-- "Keep this one": rows that retention runs leave.
CREATE TABLE kept_rows (
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    ref            TEXT   NOT NULL,
    sealed         BYTEA  NOT NULL,
    kept_by        TEXT   NOT NULL,
    kept_at        BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    PRIMARY KEY (workspace_id, ref)
);

CREATE TABLE approvals (
    job_id         TEXT   NOT NULL REFERENCES jobs (id),
    plan_hash      TEXT   NOT NULL,
    decided_by     TEXT   NOT NULL,
    approved       BIGINT NOT NULL,
    at             BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    PRIMARY KEY (job_id, plan_hash)
);

CREATE TABLE receipts (
    id             TEXT   NOT NULL,
    issue          BIGINT NOT NULL,
    job_id         TEXT   NOT NULL REFERENCES jobs (id),
    workspace_id   TEXT   REFERENCES workspaces (id),
    file           BYTEA  NOT NULL, -- as it is given out, signed
    issued_at      BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    PRIMARY KEY (id, issue)
);
CREATE INDEX receipts_workspace ON receipts (workspace_id, id);
CREATE INDEX receipts_job ON receipts (job_id);

-- Rows of others in which verification saw what may be the erased person.
CREATE TABLE review_items (
    job_id TEXT   NOT NULL REFERENCES jobs (id),
    n      BIGINT NOT NULL,
    sealed BYTEA  NOT NULL,
    PRIMARY KEY (job_id, n)
);

-- Files whose rows are gone or about to go.
CREATE TABLE purges (
    job_id      TEXT   NOT NULL REFERENCES jobs (id),
    ref         TEXT   NOT NULL, -- keyed hash of what names the file
    dataset     TEXT   NOT NULL,
    bucket      TEXT   NOT NULL,
    sealed      BYTEA,           -- the file's key; NULL: it is done with
    state       TEXT   NOT NULL CHECK (state IN ('pending', 'armed', 'deleted', 'shared')),
    due_at      BIGINT NOT NULL, -- not before
    deadline    BIGINT NOT NULL,
    attempts    BIGINT NOT NULL DEFAULT 0,
    error_code  TEXT   NOT NULL DEFAULT '', -- of the last failure
    finished_at BIGINT,
    PRIMARY KEY (job_id, ref)
);
CREATE INDEX purges_due ON purges (due_at) WHERE state = 'armed';
CREATE INDEX purges_deadline ON purges (deadline) WHERE state IN ('pending', 'armed');

-- Which marks of the suppression ledger this database knows: a restored one
-- lacks the newest.
CREATE TABLE erasures (
    sequence BIGINT NOT NULL PRIMARY KEY,
    job_id   TEXT   NOT NULL,
    at       BIGINT NOT NULL
);
