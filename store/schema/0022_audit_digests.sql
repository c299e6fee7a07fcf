-- How many digests of its leaf a disclosure accounts for, so that the entry of
-- an erasure says how many there are without anything. 0: from before it was
-- kept.
ALTER TABLE audit_disclosures ADD COLUMN digests INTEGER NOT NULL DEFAULT 0;
