-- Users who are deleted stay as the owners of what was done for them; keys can be told apart without being known.

ALTER TABLE users
    DROP CONSTRAINT users_name_key,
    ADD COLUMN deleted_at timestamptz;
-- The name of a deleted user is free again.
CREATE UNIQUE INDEX users_name ON users (name) WHERE deleted_at IS NULL;
CREATE INDEX users_by_time ON users (created_at DESC, id DESC) WHERE deleted_at IS NULL;

-- The last four characters of the key; null for keys that are older than this column.
ALTER TABLE api_keys ADD COLUMN hint text CHECK (length(hint) = 4);
DROP INDEX api_keys_user;
CREATE INDEX api_keys_of_user ON api_keys (user_id, created_at DESC, id DESC) WHERE revoked_at IS NULL;
