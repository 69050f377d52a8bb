UPDATE deliveries SET ring_at = NULL, resend_at = NULL WHERE status <> 'scheduled';
DROP TABLE delivery_hosts;
DROP INDEX deliveries_of_host, deliveries_leased, deliveries_by_time, deliveries_of_user_by_time, deliveries_failed,
    deliveries_to_ring;
ALTER TABLE deliveries
    DROP CONSTRAINT due_rings,
    DROP CONSTRAINT waiting_is_not_resent,
    ADD CONSTRAINT scheduled_rings CHECK ((status = 'scheduled') = (ring_at IS NOT NULL)),
    DROP COLUMN host,
    DROP COLUMN resend_at,
    DROP COLUMN own_fault_since,
    DROP COLUMN alerted_at;
CREATE INDEX deliveries_to_ring ON deliveries (ring_at) WHERE status = 'scheduled';
