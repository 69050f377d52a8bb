-- transactional: false
DROP INDEX CONCURRENTLY IF EXISTS processes_by_court_and_state;
DROP INDEX CONCURRENTLY IF EXISTS jobs_active;
DROP TRIGGER IF EXISTS jobs_place ON jobs;
DROP FUNCTION IF EXISTS place_job();
ALTER TABLE jobs DROP COLUMN IF EXISTS process_created_at;
