-- Places at a host per user, alerts per target, recoveries in batches.
--
-- Locks delivery_hosts until it ends: as long as it takes to read the open deliveries once, below a second for half a
-- million. Processes of the version before go on: the rows of theirs that name no user are ignored, and removed after a
-- while.

-- One row per user and host, in place of one per host: a URL that hangs costs its owner's places alone.
ALTER TABLE delivery_hosts
    ADD COLUMN IF NOT EXISTS user_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    -- Whose turn it is where first attempts and later ones wait: of the one that is due for longest, or a first one.
    ADD COLUMN IF NOT EXISTS longest_next boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS attempted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    DROP CONSTRAINT delivery_hosts_pkey,
    ADD CONSTRAINT delivery_hosts_pkey PRIMARY KEY (host, user_id);
INSERT INTO delivery_hosts (host, user_id, failures)
SELECT DISTINCT deliveries.host, deliveries.user_id, hosts.failures
FROM deliveries JOIN delivery_hosts AS hosts ON hosts.host = deliveries.host
WHERE deliveries.ring_at IS NOT NULL
ON CONFLICT DO NOTHING;
DELETE FROM delivery_hosts WHERE user_id = '00000000-0000-0000-0000-000000000000';
CREATE INDEX IF NOT EXISTS delivery_hosts_by_time ON delivery_hosts (attempted_at);

-- How far each target of ALERT_URLS was told.
CREATE TABLE IF NOT EXISTS alert_targets (
    -- SHA-256 of its URL, which holds a password.
    target text NOT NULL,
    topic text NOT NULL CHECK (topic IN ('deliveries', 'jobs')),
    -- The last failure that it took.
    told_at timestamptz NOT NULL,
    told_id uuid NOT NULL,
    -- Who tells it now, and from when on another one may.
    lease_token uuid,
    free_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (target, topic)
);

-- Recoveries of many deliveries that the sweep goes on with, from `since` on.
CREATE TABLE IF NOT EXISTS delivery_recoveries (
    id uuid PRIMARY KEY,
    -- Null for those of all users.
    user_id uuid,
    since timestamptz NOT NULL,
    -- What failed later has failed again.
    until timestamptz NOT NULL
);
