-- How people get in: one-time links, second factors, the browsers that they
-- use, invitations, and the mails that they are sent. What belongs to an account
-- alone goes with its row.

ALTER TABLE sessions ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN about BYTEA; -- address and browser, sealed with the account's key

CREATE TABLE links (
    hash           BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the secret in the link or cookie
    purpose        TEXT   NOT NULL,
    account_id     TEXT   REFERENCES accounts (id) ON DELETE CASCADE, -- NULL: it makes the first one
    expires_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);
CREATE INDEX links_account ON links (account_id);
CREATE INDEX links_expiry ON links (expires_at);

CREATE TABLE second_factors (
    account_id     TEXT   NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    sealed         BYTEA  NOT NULL, -- the shared secret, sealed with the account's key
    confirmed      BIGINT NOT NULL,
    last_step      BIGINT NOT NULL, -- no code of this step of time or an earlier one is taken
    created_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);

CREATE TABLE recovery_codes (
    account_id TEXT  NOT NULL REFERENCES second_factors (account_id) ON DELETE CASCADE,
    hash       BYTEA NOT NULL, -- keyed
    PRIMARY KEY (account_id, hash)
);

CREATE TABLE browsers (
    account_id TEXT   NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    hash       BYTEA  NOT NULL, -- SHA-256 of the secret in the cookie
    seen_at    BIGINT NOT NULL,
    PRIMARY KEY (account_id, hash)
);
CREATE INDEX browsers_age ON browsers (seen_at);

-- How often something was tried: keyed hashes of whom it was tried on and from
-- where. Rows live for days.
CREATE TABLE attempts (
    hash        BYTEA  NOT NULL PRIMARY KEY,
    n           BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    until_at    BIGINT NOT NULL
);
CREATE INDEX attempts_age ON attempts (at);

CREATE TABLE invitations (
    id             TEXT   NOT NULL PRIMARY KEY,
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    account_id     TEXT   NOT NULL, -- may not be there yet: accepting makes it
    email          TEXT   NOT NULL,
    role           TEXT   NOT NULL,
    hash           BYTEA  NOT NULL UNIQUE, -- SHA-256 of the secret in the link
    invited_by     TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    UNIQUE (workspace_id, email)
);
CREATE INDEX invitations_email ON invitations (email);
CREATE INDEX invitations_account ON invitations (account_id);
CREATE INDEX invitations_expiry ON invitations (expires_at);

-- E-mail addresses for which a new password was asked, sealed with the
-- instance's key, until it is looked up whether there is such an account.
CREATE TABLE reset_requests (
    id         TEXT   NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);

-- Mails that wait to be sent, sealed with the key of whom they go to.
CREATE TABLE mails (
    id         TEXT   NOT NULL PRIMARY KEY,
    owner      TEXT   NOT NULL, -- the key's name: a keyed hash
    kind       TEXT   NOT NULL,
    sealed     BYTEA  NOT NULL,
    tries      BIGINT NOT NULL,
    kept       BIGINT NOT NULL, -- not sent: to be read on a page, where there is no mail server
    created_at BIGINT NOT NULL
);
CREATE INDEX mails_owner ON mails (owner);
