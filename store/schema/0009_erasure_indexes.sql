-- What an erasure of an account finds rows by.

CREATE INDEX sign_in_links_account ON sign_in_links (account_id);
CREATE INDEX api_tokens_creator ON api_tokens (created_by);
CREATE INDEX plans_shown_to ON plans (shown_to);
CREATE INDEX jobs_requested_by ON jobs (requested_by);
CREATE INDEX jobs_cancelled_by ON jobs (cancelled_by);
CREATE INDEX jobs_confirmed_by ON jobs (confirmed_by);
CREATE INDEX jobs_approved_by ON jobs (approved_by);
