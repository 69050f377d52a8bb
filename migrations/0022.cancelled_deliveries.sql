-- Deliveries that a person has cancelled.
--
-- Each statement is a transaction of its own, and may be repeated. The first three lock `deliveries` against everything,
-- each for an instant: no row is read. The last two read the table once, about a second for each million rows, while
-- reads and writes go on (SHARE UPDATE EXCLUSIVE).
-- transactional: false

ALTER TABLE deliveries DROP CONSTRAINT IF EXISTS deliveries_status_check,
    ADD CONSTRAINT deliveries_status_check
    CHECK (status IN ('waiting', 'scheduled', 'delivered', 'failed', 'cancelled')) NOT VALID;
-- A delivery that is cancelled before its job ends gets its event when the job ends, so that it can be sent after all.
ALTER TABLE deliveries DROP CONSTRAINT IF EXISTS has_event,
    ADD CONSTRAINT has_event CHECK (status = 'cancelled' OR (status = 'waiting') = (event_id IS NULL)) NOT VALID;
CREATE OR REPLACE TRIGGER deliveries_arrows BEFORE UPDATE OF status ON deliveries FOR EACH ROW
EXECUTE FUNCTION refuse_illegal_arrow(
    'waiting>scheduled', 'waiting>cancelled',
    'scheduled>delivered', 'scheduled>failed', 'scheduled>cancelled',
    'failed>scheduled', 'failed>delivered',
    'cancelled>waiting', 'cancelled>scheduled', 'cancelled>delivered'
);
ALTER TABLE deliveries VALIDATE CONSTRAINT deliveries_status_check;
ALTER TABLE deliveries VALIDATE CONSTRAINT has_event;
