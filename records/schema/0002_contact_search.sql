-- How people look for a contact, and the orders of the list: by the beginning
-- of the name, of what follows the first name, of e-mail and phone. The
-- expressions are those of search.go, to the letter; a text of which an index
-- holds a hundred characters may have megabytes. On PostgreSQL they compare
-- by bytes, so that what begins with a text is one stretch of the index.

-- only: sqlite
CREATE INDEX contacts_by_name ON contacts (workspace_id, lower(substr(coalesce(name, ''), 1, 100)), id);
CREATE INDEX contacts_by_surname ON contacts (workspace_id, lower(substr(coalesce(name, ''), instr(coalesce(name, ''), ' ') + 1, 100)), id);
CREATE INDEX contacts_by_email ON contacts (workspace_id, lower(substr(coalesce(email, ''), 1, 100)), id);
CREATE INDEX contacts_by_phone ON contacts (workspace_id, substr(coalesce(phone, ''), 1, 100), id);
-- end
-- only: postgres
CREATE INDEX contacts_by_name ON contacts (workspace_id, (lower(substr(coalesce(name, ''), 1, 100)) COLLATE "C"), id);
CREATE INDEX contacts_by_surname ON contacts (workspace_id, (lower(substr(coalesce(name, ''), strpos(coalesce(name, ''), ' ') + 1, 100)) COLLATE "C"), id);
CREATE INDEX contacts_by_email ON contacts (workspace_id, (lower(substr(coalesce(email, ''), 1, 100)) COLLATE "C"), id);
CREATE INDEX contacts_by_phone ON contacts (workspace_id, (substr(coalesce(phone, ''), 1, 100) COLLATE "C"), id);
-- end
CREATE INDEX contacts_by_age ON contacts (workspace_id, (coalesce(created_at, 0)), id);
