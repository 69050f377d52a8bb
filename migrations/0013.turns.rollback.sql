DROP TRIGGER IF EXISTS job_users_queue ON job_users;
DROP TRIGGER IF EXISTS jobs_queue ON jobs;
DROP TRIGGER IF EXISTS jobs_queue_change ON jobs;
DROP TABLE IF EXISTS job_queue, turns;
DROP FUNCTION IF EXISTS queue_job(), queue_job_for_user(), enter_turns();
CREATE INDEX IF NOT EXISTS jobs_to_ring ON jobs (ring_at) WHERE status IN ('pending', 'processing');
ALTER TABLE jobs ALTER COLUMN ring_at SET DEFAULT now() + interval '10 seconds';
ALTER TABLE jobs DROP COLUMN IF EXISTS lane;
