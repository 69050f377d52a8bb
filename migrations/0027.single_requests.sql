-- What was asked for one by one goes before batches in all workers, and its user's batch does not keep it out.
-- Locks portal_shares for an instant, and job_queue against writes while its index is made: below a second for half a
-- million jobs that wait.

-- Of what a worker says that its users need: the part outside batches. Null for workers of the version before, which
-- count it with the rest.
ALTER TABLE portal_shares ADD COLUMN IF NOT EXISTS singles integer[];
-- Few pages, however many jobs of batches wait.
CREATE INDEX IF NOT EXISTS job_queue_singles ON job_queue (user_id) WHERE ready_at IS NULL AND lane = 0;
