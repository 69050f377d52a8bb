-- Lists of deliveries by status, and their count, that read only deliveries of that status.
--
-- Built CONCURRENTLY: reads and writes of deliveries go on meanwhile (SHARE UPDATE EXCLUSIVE, which only another schema
-- change or VACUUM of the same table waits for). Each build reads the table twice: about ten seconds for two million
-- deliveries. Delivered ones, nearly all, are in neither index. Cut off at any moment, it can be run again, and the
-- version before goes on as ever.
-- transactional: false

DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_status;
CREATE INDEX CONCURRENTLY deliveries_by_status ON deliveries (status, created_at DESC, id DESC)
    WHERE status <> 'delivered';
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_user_by_status;
CREATE INDEX CONCURRENTLY deliveries_of_user_by_status ON deliveries (user_id, status, created_at DESC, id DESC)
    WHERE status <> 'delivered';
