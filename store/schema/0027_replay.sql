-- After a restore an erasure is known once its replay is done, not when the
-- replay is asked for.
ALTER TABLE erasures ADD COLUMN replay_job_id TEXT NOT NULL DEFAULT '';
