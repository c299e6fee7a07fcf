-- The orders in which pages list jobs: by their end, and exports by how long they
-- are kept. What has not ended, or is not kept until a day, comes last.

CREATE INDEX jobs_ended ON jobs (workspace_id, (coalesce(ended_at, 9223372036854775807)), id);
CREATE INDEX jobs_exports ON jobs (workspace_id, id) WHERE type IN ('data_export', 'subject_export');
CREATE INDEX jobs_kept ON jobs (workspace_id, (coalesce(expires_at, 9223372036854775807)), id) WHERE type IN ('data_export', 'subject_export');
