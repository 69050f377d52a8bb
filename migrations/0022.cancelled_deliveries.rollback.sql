-- What never had an event has nothing to send; the others count as given up.
DROP TRIGGER deliveries_arrows ON deliveries;
DELETE FROM deliveries WHERE status = 'cancelled' AND event_id IS NULL;
UPDATE deliveries SET status = 'failed', alerted_at = coalesce(alerted_at, now()) WHERE status = 'cancelled';
ALTER TABLE deliveries
    DROP CONSTRAINT deliveries_status_check,
    ADD CONSTRAINT deliveries_status_check CHECK (status IN ('waiting', 'scheduled', 'delivered', 'failed')),
    DROP CONSTRAINT has_event,
    ADD CONSTRAINT has_event CHECK ((status = 'waiting') = (event_id IS NULL));
CREATE TRIGGER deliveries_arrows BEFORE UPDATE OF status ON deliveries FOR EACH ROW
EXECUTE FUNCTION refuse_illegal_arrow(
    'waiting>scheduled', 'scheduled>delivered', 'scheduled>failed', 'failed>scheduled', 'failed>delivered'
);
