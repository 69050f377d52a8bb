-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS deliveries_to_ring;
CREATE INDEX CONCURRENTLY deliveries_to_ring ON deliveries (ring_at) WHERE ring_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_job;
CREATE INDEX CONCURRENTLY deliveries_of_job ON deliveries (job_id);
ALTER TABLE jobs RESET (fillfactor);
ALTER TABLE documents RESET (fillfactor);
DROP INDEX CONCURRENTLY IF EXISTS documents_of_job;
CREATE INDEX CONCURRENTLY documents_of_job ON documents (job_id, position) WHERE status IN ('pending', 'processing');
DROP INDEX CONCURRENTLY IF EXISTS documents_by_job;
