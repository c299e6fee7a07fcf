-- What an erasure of an account finds the rows by that say what it did.

CREATE INDEX invitations_inviter ON invitations (invited_by);
CREATE INDEX holds_placed_by ON holds (placed_by);
CREATE INDEX holds_released_by ON holds (released_by);
CREATE INDEX retention_policies_set_by ON retention_policies (set_by);
CREATE INDEX kept_rows_kept_by ON kept_rows (kept_by);
CREATE INDEX approvals_decided_by ON approvals (decided_by);
