-- One row per item that waits, runs or is dead; an item that is done has none.
CREATE TABLE work_items (
    kind         TEXT     NOT NULL,
    key          TEXT     NOT NULL,           -- an id, never personal data
    state        TEXT     NOT NULL CHECK (state IN ('waiting', 'running', 'dead')),
    due_at       BIGINT   NOT NULL,           -- not before; 0: at once, whatever the clock says
    place        BIGINT   NOT NULL,           -- the order among those due
    begun        SMALLINT NOT NULL DEFAULT 0, -- tried before, so it waits for a retry
    attempt      INTEGER  NOT NULL DEFAULT 0,
    max_attempts INTEGER  NOT NULL,
    cancelled    SMALLINT NOT NULL DEFAULT 0,
    again_at     BIGINT,                      -- enqueued while it ran: runs once more
    -- UNIQUE is not for uniqueness alone: on PostgreSQL a change of a key column
    -- conflicts with FOR KEY SHARE, by which a batch guards itself, while
    -- heartbeats and cancellations do not.
    token        TEXT     UNIQUE,
    fence        BIGINT   NOT NULL DEFAULT 0, -- grows with every claim
    beat         BIGINT   NOT NULL DEFAULT 0, -- grows with every heartbeat
    lease        BIGINT   NOT NULL DEFAULT 0, -- microseconds without a beat until it may be taken over
    node         TEXT     NOT NULL DEFAULT '',
    error_code   TEXT     NOT NULL DEFAULT '', -- of the last failure; never its text
    PRIMARY KEY (kind, key)
);

CREATE INDEX work_items_due ON work_items (state, kind, due_at);
