-- Fairness between the hosts that webhooks go to, attempts that a person asks for, and alerts.

-- The host of the URL with its port, if it has one. URLs are stored in one spelling, so the text is the identity.
ALTER TABLE deliveries
    ADD COLUMN host text NOT NULL GENERATED ALWAYS AS (coalesce(substring(url FROM '^[a-z]+://([^/?#]+)'), '')) STORED,
    -- When a person asked for one more attempt that was not made yet. Beside the schedule, whatever the status.
    ADD COLUMN resend_at timestamptz,
    -- Since when faults of this service, not of the subscriber, have kept the attempt from being made.
    ADD COLUMN own_fault_since timestamptz,
    -- When operators were told of the failure.
    ADD COLUMN alerted_at timestamptz;

ALTER TABLE deliveries
    DROP CONSTRAINT scheduled_rings,
    ADD CONSTRAINT due_rings CHECK ((status = 'scheduled' OR resend_at IS NOT NULL) = (ring_at IS NOT NULL)),
    ADD CONSTRAINT waiting_is_not_resent CHECK (status <> 'waiting' OR resend_at IS NULL);

DROP INDEX deliveries_to_ring;
CREATE INDEX deliveries_to_ring ON deliveries (ring_at) WHERE ring_at IS NOT NULL;
CREATE INDEX deliveries_of_host ON deliveries (host, attempts, ring_at) WHERE ring_at IS NOT NULL;
CREATE INDEX deliveries_leased ON deliveries (host) WHERE lease_token IS NOT NULL;
CREATE INDEX deliveries_by_time ON deliveries (created_at DESC, id DESC);
CREATE INDEX deliveries_of_user_by_time ON deliveries (user_id, created_at DESC, id DESC);
CREATE INDEX deliveries_failed ON deliveries (completed_at) WHERE status = 'failed';

-- One row per host that was ever called. Its lock makes the claims of one host wait for each other.
CREATE TABLE delivery_hosts (
    host text PRIMARY KEY,
    -- Attempts that failed since the last one that succeeded.
    failures integer NOT NULL DEFAULT 0
);
