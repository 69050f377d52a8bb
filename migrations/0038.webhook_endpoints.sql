-- Webhook endpoints of an account: URLs that get the events of their owner without being named in a request.
--
-- Two new tables. Locks `deliveries` for the instant in which two columns are added to the catalogue, and `alert_targets`
-- while its few rows are read. The two indexes are built CONCURRENTLY: reads and writes of deliveries go on meanwhile
-- (SHARE UPDATE EXCLUSIVE). Each build reads the table twice, about ten seconds for two million deliveries, and its index
-- is empty: no delivery has an endpoint yet. Processes of the version before make deliveries of requests as ever, and
-- none for endpoints. A worker of the version before signs the delivery of an endpoint with the secret of its user: the
-- receiver refuses it, and it is tried again. Cut off at any moment, the migration can be run again.
-- transactional: false

CREATE TABLE IF NOT EXISTS webhook_endpoints (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    url text NOT NULL CHECK (length(url) <= 2048),
    host text NOT NULL GENERATED ALWAYS AS (coalesce(substring(url FROM '^[a-z]+://([^/?#]+)'), '')) STORED,
    -- Types of events; '*' alone means all.
    events text[] NOT NULL CHECK (cardinality(events) > 0),
    description text CHECK (length(description) <= 500),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Null while it is switched on. 'failing': the service has switched it off; 'requested': its owner has.
    disabled_reason text CHECK (disabled_reason IN ('failing', 'requested')),
    disabled_at timestamptz,
    -- The failures since the last success: the first one, the first one after a long pause, the last one, how many.
    failing_since timestamptz,
    burst_since timestamptz,
    failed_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    last_error text,
    -- When the service has switched it off last. It stays when the endpoint is switched on: operators are alerted by it.
    given_up_at timestamptz,
    CONSTRAINT disabled_whole CHECK ((disabled_reason IS NULL) = (disabled_at IS NULL)),
    CONSTRAINT failing_whole CHECK (
        num_nonnulls(failing_since, burst_since, failed_at) IN (0, 3) AND (failures = 0) = (failing_since IS NULL)),
    UNIQUE (user_id, url)
);
CREATE INDEX IF NOT EXISTS webhook_endpoints_by_time ON webhook_endpoints (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS webhook_endpoints_of_user ON webhook_endpoints (user_id, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS webhook_endpoints_given_up ON webhook_endpoints (given_up_at, id)
WHERE given_up_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS endpoint_secrets (
    id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    secret text NOT NULL CHECK (secret LIKE 'whsec_%'),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Set by a rotation: until then the old secret signs beside the new one.
    expires_at timestamptz
);
CREATE INDEX IF NOT EXISTS endpoint_secrets_of_endpoint ON endpoint_secrets (endpoint_id);
CREATE UNIQUE INDEX IF NOT EXISTS endpoint_secrets_current ON endpoint_secrets (endpoint_id) WHERE expires_at IS NULL;

-- The endpoint that gets the delivery. Not a foreign key: the log outlives the endpoint. `endpoint_only`: no request named
-- the URL; such a delivery is signed by the endpoint alone, follows its URL, and ends with it.
ALTER TABLE deliveries
    ADD COLUMN IF NOT EXISTS endpoint_id uuid,
    ADD COLUMN IF NOT EXISTS endpoint_only boolean NOT NULL DEFAULT false;

DROP INDEX CONCURRENTLY IF EXISTS deliveries_once_per_endpoint;
CREATE UNIQUE INDEX CONCURRENTLY deliveries_once_per_endpoint ON deliveries (event_id, endpoint_id)
WHERE endpoint_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_endpoint;
CREATE INDEX CONCURRENTLY deliveries_of_endpoint ON deliveries (endpoint_id, created_at DESC, id DESC)
WHERE endpoint_id IS NOT NULL;

ALTER TABLE alert_targets DROP CONSTRAINT IF EXISTS alert_targets_topic_check,
    ADD CONSTRAINT alert_targets_topic_check CHECK (topic IN ('deliveries', 'jobs', 'monitors', 'endpoints'));
