DROP INDEX IF EXISTS job_queue_singles;
ALTER TABLE portal_shares DROP COLUMN IF EXISTS singles;
