-- Operators are told of a job most of whose documents failed.

-- When it was looked at whether operators have to be told of the job's failure.
ALTER TABLE jobs ADD COLUMN alerted_at timestamptz;
CREATE INDEX jobs_not_alerted ON jobs (completed_at) WHERE status = 'failed' AND alerted_at IS NULL;
