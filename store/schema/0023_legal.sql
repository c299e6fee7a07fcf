-- What is told to everybody: documents, and the data processing agreement in
-- versions that are never changed; who accepted it; and whom people write to
-- about a workspace's data.

CREATE TABLE legal_documents (
    id             TEXT   NOT NULL PRIMARY KEY,
    title          TEXT   NOT NULL,
    version        TEXT   NOT NULL,
    dated          TEXT   NOT NULL,
    link           TEXT   NOT NULL, -- empty: the file is here
    content_type   TEXT   NOT NULL,
    size           BIGINT NOT NULL,
    sha256         TEXT   NOT NULL,
    blob_key       TEXT   NOT NULL,
    added_at       BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    UNIQUE (title, version)
);

CREATE TABLE agreements (
    version        BIGINT NOT NULL PRIMARY KEY,
    body           TEXT   NOT NULL,
    sha256         TEXT   NOT NULL,
    published_at   BIGINT NOT NULL,
    told_after     TEXT   NOT NULL, -- the workspace whose admins were told last
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id)
);

-- only: sqlite
CREATE TRIGGER agreements_no_update BEFORE UPDATE OF version, body, sha256, published_at ON agreements
BEGIN SELECT RAISE(ABORT, 'versions of the agreement are never changed'); END;
CREATE TRIGGER agreements_no_delete BEFORE DELETE ON agreements
BEGIN SELECT RAISE(ABORT, 'versions of the agreement are never deleted'); END;
-- end

-- only: postgres
CREATE FUNCTION agreements_unchanged() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    RAISE EXCEPTION 'versions of the agreement are never changed' USING ERRCODE = 'integrity_constraint_violation';
END $f$;
CREATE TRIGGER agreements_no_update BEFORE UPDATE OF version, body, sha256, published_at ON agreements
    FOR EACH ROW EXECUTE FUNCTION agreements_unchanged();
CREATE TRIGGER agreements_no_delete BEFORE DELETE ON agreements
    FOR EACH ROW EXECUTE FUNCTION agreements_unchanged();
-- end

CREATE TABLE agreement_acceptances (
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    version        BIGINT NOT NULL REFERENCES agreements (version),
    sha256         TEXT   NOT NULL,
    account_id     TEXT   NOT NULL,
    accepted_at    BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    PRIMARY KEY (workspace_id, version)
);
CREATE INDEX agreement_acceptances_account ON agreement_acceptances (account_id);

-- The name under which an account accepted, which goes with the account.
CREATE TABLE agreement_signatures (
    workspace_id TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    account_id   TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    PRIMARY KEY (workspace_id, version),
    FOREIGN KEY (workspace_id, version) REFERENCES agreement_acceptances (workspace_id, version)
);
CREATE INDEX agreement_signatures_account ON agreement_signatures (account_id);

CREATE TABLE legal_contacts (
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    kind           TEXT   NOT NULL, -- controller or officer
    name           TEXT   NOT NULL,
    email          TEXT   NOT NULL,
    address        TEXT   NOT NULL,
    published      BIGINT NOT NULL, -- of the controller
    updated_at     BIGINT NOT NULL,
    audit_entry_id TEXT   NOT NULL REFERENCES audit_entries (id),
    PRIMARY KEY (workspace_id, kind)
);
CREATE INDEX legal_contacts_email ON legal_contacts (email);
