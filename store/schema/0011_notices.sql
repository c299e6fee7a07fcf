-- Mails to many members of a workspace, on their way to them, and who is to be
-- told at the end of a workspace's deletion, when nobody is a member any more.

CREATE TABLE notices (
    id           TEXT   NOT NULL PRIMARY KEY,
    workspace_id TEXT   NOT NULL REFERENCES workspaces (id),
    job_id       TEXT   REFERENCES jobs (id), -- whose readers were put aside; NULL: the members
    sealed       BYTEA  NOT NULL, -- the mail, with the instance's key
    after_id     TEXT   NOT NULL, -- the account that was told last
    created_at   BIGINT NOT NULL
);

CREATE TABLE notice_readers (
    job_id     TEXT NOT NULL REFERENCES jobs (id),
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (job_id, account_id)
);
CREATE INDEX notice_readers_account ON notice_readers (account_id);
