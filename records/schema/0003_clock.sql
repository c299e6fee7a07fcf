-- What retention and deletions by date ask of conversations, so that they read
-- an index alone: which are resolved, since when, and how long nothing came.
CREATE INDEX conversations_clock ON conversations (workspace_id, status, last_message_at, resolved_at);
