-- Updates of documents that write no index, jobs that can be deleted, and two indexes of deliveries less.
--
-- Built CONCURRENTLY: reads and writes of documents go on meanwhile (SHARE UPDATE EXCLUSIVE, which only another schema
-- change or VACUUM of the same table waits for). The build reads the table twice: about a minute for ten million
-- documents. DROP INDEX CONCURRENTLY waits for the transactions that use the index. The room in pages is for those that
-- are written from now on: no row is moved. Cut off at any moment, it can be run again, and the version before goes on
-- as ever.
-- transactional: false

-- With the status in its predicate each change of a status was an update of all indexes. This one changes only when a
-- document is given to a job. Jobs that are deleted are looked for in it too.
DROP INDEX CONCURRENTLY IF EXISTS documents_by_job;
CREATE INDEX CONCURRENTLY documents_by_job ON documents (job_id);
DROP INDEX CONCURRENTLY IF EXISTS documents_of_job;

-- A row that is written again without a change of an index stays in its page, if that has room.
ALTER TABLE documents SET (fillfactor = 85);
ALTER TABLE jobs SET (fillfactor = 85);

-- The unique index over job, user and URL begins with the job; what is due is found by host and user.
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_job;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_to_ring;
