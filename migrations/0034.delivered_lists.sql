-- Lists of delivered deliveries that read only those, however many newer ones are open or failed.
--
-- Built CONCURRENTLY: reads and writes of deliveries go on meanwhile (SHARE UPDATE EXCLUSIVE, which only another schema
-- change or VACUUM of the same table waits for). Each build reads the table twice: about ten seconds for two million
-- deliveries, and takes about 100 MB for them. Cut off at any moment, it can be run again, and the version before goes on
-- as ever.
-- transactional: false

DROP INDEX CONCURRENTLY IF EXISTS deliveries_delivered;
CREATE INDEX CONCURRENTLY deliveries_delivered ON deliveries (created_at DESC, id DESC) WHERE status = 'delivered';
DROP INDEX CONCURRENTLY IF EXISTS deliveries_delivered_of_user;
CREATE INDEX CONCURRENTLY deliveries_delivered_of_user ON deliveries (user_id, created_at DESC, id DESC)
    WHERE status = 'delivered';
