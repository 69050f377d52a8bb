-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_host;
CREATE INDEX CONCURRENTLY deliveries_of_host ON deliveries (host, attempts, ring_at) WHERE ring_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_event;
DROP INDEX CONCURRENTLY IF EXISTS events_of_process;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_end;
DROP INDEX CONCURRENTLY IF EXISTS events_by_time;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_due;
