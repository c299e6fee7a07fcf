-- A row of audit_owned is a run of an owner's disclosures: the number of the
-- first, and of the others by how much theirs are greater. Rows that are there
-- already are runs of one.

-- only: sqlite
ALTER TABLE audit_owned ADD COLUMN more TEXT NOT NULL DEFAULT '[]'; -- JSON
-- end
