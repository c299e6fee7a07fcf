-- When an API token was used last, so that those that nobody uses can be revoked.

ALTER TABLE api_tokens ADD COLUMN used_at BIGINT;
