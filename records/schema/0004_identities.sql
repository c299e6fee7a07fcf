-- Who else is known by the same e-mail address or phone number, which a plan
-- of a deletion says. On PostgreSQL an index by hash: a text may have
-- megabytes, which an ordered one refuses. Empty ones, which are many, are not
-- asked for.

-- only: sqlite
CREATE INDEX contacts_of_email ON contacts (workspace_id, email);
CREATE INDEX contacts_of_phone ON contacts (workspace_id, phone);
-- end
-- only: postgres
CREATE INDEX contacts_of_email ON contacts USING hash (email) WHERE email <> '';
CREATE INDEX contacts_of_phone ON contacts USING hash (phone) WHERE phone <> '';
-- end
