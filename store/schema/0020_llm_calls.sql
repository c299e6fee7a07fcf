-- How often workspaces call providers of language models, by day. Numbers
-- alone: nothing of what was said is kept.

CREATE TABLE llm_calls (
    workspace_id   TEXT   NOT NULL REFERENCES workspaces (id),
    provider       TEXT   NOT NULL,
    day            TEXT   NOT NULL, -- YYYY-MM-DD, in UTC
    calls          BIGINT NOT NULL,
    failed         BIGINT NOT NULL,
    refused        BIGINT NOT NULL,
    sent_bytes     BIGINT NOT NULL,
    received_bytes BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, day, provider)
);
