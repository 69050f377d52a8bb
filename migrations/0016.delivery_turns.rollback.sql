DROP TABLE delivery_recoveries;
DROP TABLE alert_targets;
DROP INDEX delivery_hosts_by_time;
-- Rows of processes that knew no users.
DELETE FROM delivery_hosts WHERE user_id = '00000000-0000-0000-0000-000000000000';
ALTER TABLE delivery_hosts DROP CONSTRAINT delivery_hosts_pkey;
INSERT INTO delivery_hosts (host, failures)
SELECT host, max(failures) FROM delivery_hosts GROUP BY host;
DELETE FROM delivery_hosts WHERE user_id <> '00000000-0000-0000-0000-000000000000';
ALTER TABLE delivery_hosts
    DROP COLUMN user_id,
    DROP COLUMN longest_next,
    DROP COLUMN attempted_at,
    ADD CONSTRAINT delivery_hosts_pkey PRIMARY KEY (host);
