-- The deliveries to one host, newest first, as the console lists them.
--
-- Built CONCURRENTLY: reads and writes of deliveries go on meanwhile (SHARE UPDATE EXCLUSIVE, which only another schema
-- change or VACUUM of the same table waits for). The build reads the table twice: some seconds for two million
-- deliveries. Processes of the version before write the index and do not use it. A build that was cut off leaves an
-- invalid index: so the name is dropped first.
-- transactional: false

DROP INDEX CONCURRENTLY IF EXISTS deliveries_by_host;
CREATE INDEX CONCURRENTLY deliveries_by_host ON deliveries (host, created_at DESC, id DESC);
