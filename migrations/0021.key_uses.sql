-- What tells one API key from another: a label, and when it was last used.
--
-- Locks `api_keys`, which has a row per key, for an instant.

-- What its owner calls the key.
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS label text CHECK (length(label) BETWEEN 1 AND 100);
-- To about a minute. No index has it, and pages keep room: a new version of the row stays on its page.
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS last_used_at timestamptz;
ALTER TABLE api_keys SET (fillfactor = 50);
