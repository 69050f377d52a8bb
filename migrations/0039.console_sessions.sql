-- Sessions of the console, and single-use tokens that open one.
--
-- Locks: `api_keys`, against writes, for the instant in which the foreign keys are made. No row of it is read: the new
-- tables are empty. Processes of the version before know neither table and go on.

CREATE TABLE IF NOT EXISTS console_sessions (
    -- SHA-256 of the id in the cookie, which is 256 random bits.
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    key_id uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS console_sessions_of_key ON console_sessions (key_id);
CREATE INDEX IF NOT EXISTS console_sessions_end ON console_sessions (expires_at);

CREATE TABLE IF NOT EXISTS console_tokens (
    -- SHA-256 of a token, which is deleted when it is used.
    hash bytea PRIMARY KEY CHECK (length(hash) = 32),
    key_id uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS console_tokens_of_key ON console_tokens (key_id);
