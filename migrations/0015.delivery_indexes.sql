-- Indexes for foreign keys, retention and the turns of deliveries.
--
-- Built CONCURRENTLY: reads and writes of deliveries and events go on meanwhile (SHARE UPDATE EXCLUSIVE, which only
-- another schema change or VACUUM of the same table waits for). Each build reads its table twice: about ten seconds
-- for two million deliveries. A build that was cut off leaves an invalid index: so each name is dropped first.
-- transactional: false

-- A deleted event looks for its deliveries, and a deleted case for its events.
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_event;
CREATE INDEX CONCURRENTLY deliveries_of_event ON deliveries (event_id);
DROP INDEX CONCURRENTLY IF EXISTS events_of_process;
CREATE INDEX CONCURRENTLY events_of_process ON events (process_number, occurred_at DESC);

-- What retention deletes.
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_end;
CREATE INDEX CONCURRENTLY deliveries_by_end ON deliveries (completed_at) WHERE completed_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS events_by_time;
CREATE INDEX CONCURRENTLY events_by_time ON events (occurred_at, id);

-- The next of one user's deliveries to one host: 0 for first attempts and those that a person asked for, 1 for the
-- others, and in each of the two the one that is due for longest.
DROP INDEX CONCURRENTLY IF EXISTS deliveries_due;
CREATE INDEX CONCURRENTLY deliveries_due ON deliveries (
    host, user_id, (CASE WHEN attempts = 0 OR resend_at IS NOT NULL THEN 0 ELSE 1 END),
    (least(resend_at, next_attempt_at))
) WHERE ring_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_host;
