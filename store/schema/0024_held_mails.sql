-- Mails about a workspace that may not go by the mail server, since that lies
-- where the workspace's data may not be.
ALTER TABLE mails ADD COLUMN held_for TEXT NOT NULL DEFAULT ''; -- the workspace; empty: it is not held
ALTER TABLE mails ADD COLUMN held_at BIGINT NOT NULL DEFAULT 0; -- since when, or when it was let go; 0: it never was
CREATE INDEX mails_held ON mails (held_for, id);
