-- Links to one case for somebody without a key: read-only, until a time, and once if its owner says so.
--
-- Locks: `processes` and `users`, against writes, for the instant in which the foreign keys are made. No row of them is
-- read: the new table is empty. Processes of the version before do not know it and go on.

CREATE TABLE IF NOT EXISTS case_shares (
    id uuid PRIMARY KEY,
    -- SHA-256 of the token in the link, which is 256 random bits.
    hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    -- SHA-256 of what the one browser keeps that has opened a link for a single use.
    opened_hash bytea UNIQUE CHECK (length(opened_hash) = 32),
    process_number text NOT NULL REFERENCES processes ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users,
    is_single_use boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    opened_at timestamptz,
    revoked_at timestamptz,
    CONSTRAINT opened_once CHECK (opened_hash IS NULL OR is_single_use AND opened_at IS NOT NULL)
);
CREATE INDEX IF NOT EXISTS case_shares_of_process ON case_shares (process_number, created_at DESC);
CREATE INDEX IF NOT EXISTS case_shares_of_user ON case_shares (user_id);
