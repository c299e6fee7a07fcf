-- The tables of the embedded dataset. Ids are the importer's own, so they are
-- unique only within a workspace, and every key begins with it: on SQLite a
-- workspace is then one stretch of the table (WITHOUT ROWID), read from end to
-- end without touching another workspace's pages. Times are microseconds since
-- 1970, JSON is text. Each link that is followed has one index.

CREATE TABLE contacts (
    workspace_id  TEXT NOT NULL,
    id            TEXT NOT NULL,
    name          TEXT,
    email         TEXT,
    phone         TEXT,
    language      TEXT,
    company       TEXT,
    tags          TEXT,
    custom_fields TEXT,
    identities    TEXT,
    created_at    BIGINT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;

CREATE TABLE conversations (
    workspace_id    TEXT NOT NULL,
    id              TEXT NOT NULL,
    contact_id      TEXT NOT NULL,
    channel         TEXT,
    status          TEXT,
    resolution      TEXT,
    resolved_at     BIGINT,
    priority        TEXT,
    tags            TEXT,
    assignee_id     TEXT,
    created_at      BIGINT,
    last_message_at BIGINT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE INDEX conversations_contact ON conversations (workspace_id, contact_id);
CREATE INDEX conversations_assignee ON conversations (workspace_id, assignee_id);

CREATE TABLE messages (
    workspace_id    TEXT NOT NULL,
    id              TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    direction       TEXT,
    author_id       TEXT,
    body            TEXT,
    ai_metadata     TEXT,
    created_at      BIGINT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE INDEX messages_conversation ON messages (workspace_id, conversation_id, created_at);
CREATE INDEX messages_author ON messages (workspace_id, author_id);

CREATE TABLE knowledge_sources (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    kind         TEXT,
    title        TEXT,
    url          TEXT,
    content      TEXT,
    status       TEXT,
    synced_at    BIGINT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;

CREATE TABLE knowledge_chunks (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    source_id    TEXT NOT NULL,
    position     BIGINT,
    text         TEXT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE INDEX knowledge_chunks_source ON knowledge_chunks (workspace_id, source_id);

CREATE TABLE flows (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    name         TEXT,
    description  TEXT,
    status       TEXT,
    version      TEXT,
    graph        TEXT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;

CREATE TABLE flow_versions (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    flow_id      TEXT NOT NULL,
    version      TEXT NOT NULL,
    graph        TEXT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE UNIQUE INDEX flow_versions_flow ON flow_versions (workspace_id, flow_id, version);

CREATE TABLE flow_runs (
    workspace_id    TEXT NOT NULL,
    id              TEXT NOT NULL,
    flow_id         TEXT NOT NULL,
    conversation_id TEXT,
    started_at      BIGINT,
    path            TEXT,
    error           TEXT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE INDEX flow_runs_flow ON flow_runs (workspace_id, flow_id);
CREATE INDEX flow_runs_conversation ON flow_runs (workspace_id, conversation_id);

CREATE TABLE tickets (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    number       TEXT,
    title        TEXT,
    body         TEXT,
    status       TEXT,
    reporter_id  TEXT,
    assignee_id  TEXT,
    created_at   BIGINT,
    updated_at   BIGINT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE INDEX tickets_reporter ON tickets (workspace_id, reporter_id);
CREATE INDEX tickets_assignee ON tickets (workspace_id, assignee_id);

CREATE TABLE documents (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    title        TEXT,
    body         TEXT,
    author_id    TEXT,
    created_at   BIGINT,
    updated_at   BIGINT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE INDEX documents_author ON documents (workspace_id, author_id);

CREATE TABLE comments (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    record_type  TEXT NOT NULL,
    record_id    TEXT NOT NULL,
    author_id    TEXT,
    body         TEXT,
    created_at   BIGINT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE INDEX comments_record ON comments (workspace_id, record_type, record_id);
CREATE INDEX comments_author ON comments (workspace_id, author_id);

CREATE TABLE attachments (
    workspace_id TEXT NOT NULL,
    id           TEXT NOT NULL,
    record_type  TEXT NOT NULL,
    record_id    TEXT NOT NULL,
    filename     TEXT,
    content_type TEXT,
    size         BIGINT,
    sha256       TEXT,
    blob         TEXT,
    PRIMARY KEY (workspace_id, id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE INDEX attachments_record ON attachments (workspace_id, record_type, record_id);

-- Which accounts the records of a workspace name: an account that never was a
-- member is still a person of that workspace's data.
CREATE TABLE record_authors (
    workspace_id TEXT NOT NULL,
    account_id   TEXT NOT NULL,
    PRIMARY KEY (workspace_id, account_id)
)
-- only: sqlite
WITHOUT ROWID
-- end
;
CREATE INDEX record_authors_account ON record_authors (account_id);

-- A blob that goes at due_at unless an attachment has come to name it: written
-- before a blob is, and when a blob's last row goes. It is what makes a crash
-- between blob and row leave nothing behind.
CREATE TABLE record_purges (
    blob         TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    due_at       BIGINT NOT NULL
);
CREATE INDEX record_purges_due ON record_purges (due_at);

-- only: postgres
-- Keys compare by their bytes: faster than by language rules, the same order as
-- SQLite's, and independent of the operating system's version.
DO $$
DECLARE c record;
BEGIN
    FOR c IN SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND data_type = 'text'
          AND table_name IN ('contacts', 'conversations', 'messages', 'knowledge_sources', 'knowledge_chunks', 'flows',
              'flow_versions', 'flow_runs', 'tickets', 'documents', 'comments', 'attachments', 'record_authors', 'record_purges')
          AND (column_name IN ('id', 'blob', 'record_type', 'version') OR column_name LIKE '%\_id')
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE TEXT COLLATE "C"', c.table_name, c.column_name);
    END LOOP;
END $$;
-- end
