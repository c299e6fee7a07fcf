-- The orders in which pages list members, invitations, API tokens and receipts.
-- A member's name and address are those of the account, kept here as they are
-- sorted by, and go with the member. Texts are compared by bytes.

ALTER TABLE members ADD COLUMN sort_name TEXT NOT NULL DEFAULT '';
ALTER TABLE members ADD COLUMN sort_email TEXT NOT NULL DEFAULT '';
UPDATE members SET sort_name = (SELECT lower(a.name) FROM accounts a WHERE a.id = members.account_id),
    sort_email = (SELECT a.email FROM accounts a WHERE a.id = members.account_id);

-- What a receipt tells of that lists are sorted by.
ALTER TABLE receipts ADD COLUMN operation TEXT NOT NULL DEFAULT '';
ALTER TABLE receipts ADD COLUMN deleted BIGINT NOT NULL DEFAULT 0;

CREATE INDEX members_since ON members (workspace_id, created_at, account_id);
CREATE INDEX invitations_sent ON invitations (workspace_id, created_at, id);
CREATE INDEX invitations_until ON invitations (workspace_id, expires_at, id);
CREATE INDEX api_tokens_made ON api_tokens (workspace_id, created_at, id);
CREATE INDEX api_tokens_used ON api_tokens (workspace_id, (coalesce(used_at, 0)), id);
CREATE INDEX receipts_deleted ON receipts (workspace_id, deleted, id);
DROP INDEX api_tokens_workspace;

-- only: sqlite
UPDATE receipts SET operation = coalesce(json_extract(CAST(file AS TEXT), '$.operation'), ''),
    deleted = coalesce((SELECT sum(json_extract(c.value, '$.done')) FROM json_each(CAST(file AS TEXT), '$.collections') c
        WHERE json_extract(c.value, '$.fate') = 'delete'), 0);
CREATE INDEX members_name ON members (workspace_id, sort_name, account_id);
CREATE INDEX members_email ON members (workspace_id, sort_email, account_id);
CREATE INDEX members_role ON members (workspace_id, role, account_id);
CREATE INDEX invitations_role ON invitations (workspace_id, role, id);
CREATE INDEX invitations_address ON invitations (workspace_id, email, id);
CREATE INDEX api_tokens_label ON api_tokens (workspace_id, lower(label), id);
CREATE INDEX receipts_operation ON receipts (workspace_id, operation, id);
-- end
-- only: postgres
UPDATE receipts SET operation = coalesce(convert_from(file, 'UTF8')::json ->> 'operation', ''),
    deleted = coalesce((SELECT sum((c ->> 'done')::bigint)
        FROM jsonb_path_query(convert_from(file, 'UTF8')::jsonb, '$.collections[*]') c WHERE c ->> 'fate' = 'delete'), 0);
CREATE INDEX members_name ON members (workspace_id, (sort_name COLLATE "C"), account_id);
CREATE INDEX members_email ON members (workspace_id, (sort_email COLLATE "C"), account_id);
CREATE INDEX members_role ON members (workspace_id, (role COLLATE "C"), account_id);
CREATE INDEX invitations_role ON invitations (workspace_id, (role COLLATE "C"), id);
CREATE INDEX invitations_address ON invitations (workspace_id, (email COLLATE "C"), id);
CREATE INDEX api_tokens_label ON api_tokens (workspace_id, (lower(label) COLLATE "C"), id);
CREATE INDEX receipts_operation ON receipts (workspace_id, (operation COLLATE "C"), id);
-- end
