-- What the lists need to stay as fast with 100,000 cases as with 100.

-- `state` is `active` while a job works on the case, whose status then says more; else what its documents and its last
-- job come to. It is written only by who holds the lock of the process's row.
ALTER TABLE processes ADD COLUMN state text NOT NULL DEFAULT 'pending'
    CHECK (state IN ('active', 'pending', 'completed', 'failed', 'cancelled'));
ALTER TABLE processes ADD COLUMN total_documents integer NOT NULL DEFAULT 0;

UPDATE processes SET total_documents = counts.total, state = CASE
    WHEN job.status IN ('pending', 'processing') THEN 'active'
    WHEN job.status IS NOT NULL AND same.listed_at IS NULL THEN job.status
    WHEN counts.outstanding = 0 AND counts.failed = 0 THEN 'completed'
    WHEN job.status = 'cancelled' THEN 'cancelled'
    WHEN counts.outstanding > 0 THEN 'pending'
    ELSE 'failed' END
FROM processes AS same
CROSS JOIN LATERAL (
    SELECT count(*) AS total, count(*) FILTER (WHERE status IN ('pending', 'processing')) AS outstanding,
        count(*) FILTER (WHERE status = 'failed' OR status = 'available' AND error_code IS NOT NULL) AS failed
    FROM documents WHERE process_number = same.number) AS counts
LEFT JOIN LATERAL (
    SELECT status FROM jobs WHERE process_number = same.number ORDER BY created_at DESC LIMIT 1) AS job ON true
WHERE processes.number = same.number;

CREATE INDEX processes_by_time ON processes (created_at DESC, number DESC);
CREATE INDEX processes_by_change ON processes (updated_at, number);
CREATE INDEX processes_by_court ON processes (court, created_at DESC, number DESC);
CREATE INDEX processes_by_state ON processes (state, created_at DESC, number DESC);
CREATE INDEX processes_by_content ON processes ((total_documents > 0), created_at DESC, number DESC);

-- How a job ended: its documents may belong to a later one by now.
ALTER TABLE jobs ADD COLUMN total_documents integer;
ALTER TABLE jobs ADD COLUMN completed_documents integer;
ALTER TABLE jobs ADD COLUMN failed_documents integer;
UPDATE jobs SET total_documents = counts.total, completed_documents = counts.completed, failed_documents = counts.failed
FROM (SELECT job_id, count(*) AS total, count(*) FILTER (WHERE status = 'available') AS completed,
        count(*) FILTER (WHERE status = 'failed') AS failed FROM documents GROUP BY job_id) AS counts
WHERE counts.job_id = jobs.id AND jobs.completed_at IS NOT NULL;
CREATE INDEX jobs_by_status ON jobs (status, created_at DESC, id DESC);

-- Who sees a job: whoever requested it or was told that it already runs.
CREATE TABLE job_users (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- That of the job, so that a list of one user's jobs is read from the index alone.
    created_at timestamptz NOT NULL,
    job_id uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    PRIMARY KEY (user_id, created_at, job_id)
);
CREATE INDEX job_users_of_job ON job_users (job_id);
INSERT INTO job_users (user_id, created_at, job_id)
SELECT user_id, created_at, id FROM jobs WHERE user_id IS NOT NULL
UNION
SELECT deliveries.user_id, jobs.created_at, jobs.id FROM deliveries JOIN jobs ON jobs.id = deliveries.job_id;
