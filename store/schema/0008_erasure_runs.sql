-- What an erasure that runs must still know after its process died: whom it is
-- about, sealed. It goes with the end of the job.

CREATE TABLE erasure_runs (
    job_id TEXT  NOT NULL PRIMARY KEY REFERENCES jobs (id),
    sealed BYTEA NOT NULL
);
