DROP INDEX api_keys_of_user;
CREATE INDEX api_keys_user ON api_keys (user_id);
ALTER TABLE api_keys DROP COLUMN hint;
DROP INDEX users_by_time, users_name;
-- Their keys stay revoked; their names may have been given to others since.
UPDATE users SET name = 'deleted ' || id WHERE deleted_at IS NOT NULL;
ALTER TABLE users
    DROP COLUMN deleted_at,
    ADD CONSTRAINT users_name_key UNIQUE (name);
