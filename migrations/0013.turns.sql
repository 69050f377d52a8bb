-- Users take turns. PostgreSQL says which job is next, and no longer the scores of messages in Redis.
-- Locks jobs against every use while the jobs that wait are put into the queue: some seconds per 100,000 of them.

-- 0: asked for one by one; 1: in a batch; 2: by a monitor. The lowest lane of a user goes first.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS lane smallint NOT NULL DEFAULT 0;
-- From now on: the earliest moment at which a job that waits may be taken.
ALTER TABLE jobs ALTER COLUMN ring_at SET DEFAULT now();
DROP INDEX IF EXISTS jobs_to_ring;

-- A pending job has a row for each user who asked for it, so it begins at the first of their turns. Kept by triggers:
-- whatever is claimed, released, cancelled, joined or deleted, by whichever version, the queue says the same as jobs.
CREATE TABLE IF NOT EXISTS job_queue (
    job_id uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    -- No reference: the job of a user who was deleted goes on.
    user_id uuid NOT NULL,
    lane smallint NOT NULL,
    created_at timestamptz NOT NULL,
    -- When the job may be taken; null: now.
    ready_at timestamptz,
    PRIMARY KEY (job_id, user_id)
);
CREATE INDEX IF NOT EXISTS job_queue_ready ON job_queue (user_id, lane, created_at, job_id) WHERE ready_at IS NULL;
CREATE INDEX IF NOT EXISTS job_queue_delayed ON job_queue (ready_at) WHERE ready_at IS NOT NULL;

-- Whose turn it is: the user with the lowest virtual time. Each claim adds what it costs, so a user with many jobs
-- falls behind. Infinity: nothing waits, and the user begins at the time of those who wait then.
CREATE TABLE IF NOT EXISTS turns (
    user_id uuid PRIMARY KEY,
    virtual_time double precision NOT NULL,
    -- The last claim. Of two users at the same time the one who was served longer ago goes first.
    served_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
CREATE INDEX IF NOT EXISTS turns_in_order ON turns (virtual_time, served_at, user_id);

-- Everybody who waits begins equal.
INSERT INTO job_queue (job_id, user_id, lane, created_at, ready_at)
SELECT id, users.user_id, lane, jobs.created_at,
    -- A case that could not be listed waits for its moment; every other one may begin.
    CASE WHEN ring_at > now() AND listing_failures > 0 THEN ring_at END
FROM jobs CROSS JOIN LATERAL (
    SELECT user_id FROM job_users WHERE job_id = jobs.id
    UNION SELECT coalesce(jobs.user_id, '00000000-0000-0000-0000-000000000000')) AS users
WHERE status = 'pending'
ON CONFLICT DO NOTHING;
INSERT INTO turns (user_id, virtual_time) SELECT DISTINCT user_id, 0 FROM job_queue ON CONFLICT DO NOTHING;

-- What was not used does not count: a user whose jobs begin to wait is not ahead of those who wait already.
CREATE OR REPLACE FUNCTION enter_turns() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present double precision;
BEGIN
    -- LIMIT keeps the planner from reading the whole queue.
    SELECT virtual_time INTO present FROM turns CROSS JOIN LATERAL (
        SELECT 1 FROM job_queue WHERE job_queue.user_id = turns.user_id AND ready_at IS NULL LIMIT 1) AS waiting
        WHERE virtual_time < 'infinity' ORDER BY virtual_time LIMIT 1;
    IF NOT FOUND THEN
        SELECT coalesce(max(virtual_time), 0) INTO present FROM turns WHERE virtual_time < 'infinity';
    END IF;
    -- Never waits: who has the row locked pays for a claim, or does the same as this.
    UPDATE turns SET virtual_time = present WHERE user_id = (
        SELECT user_id FROM turns WHERE user_id = NEW.user_id
            AND (virtual_time < present OR virtual_time = 'infinity') FOR UPDATE SKIP LOCKED);
    IF NOT EXISTS (SELECT FROM turns WHERE user_id = NEW.user_id) THEN
        INSERT INTO turns (user_id, virtual_time) VALUES (NEW.user_id, present) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER job_queue_turns BEFORE INSERT ON job_queue FOR EACH ROW EXECUTE FUNCTION enter_turns();
CREATE OR REPLACE TRIGGER job_queue_turns_change BEFORE UPDATE OF ready_at ON job_queue FOR EACH ROW
WHEN (NEW.ready_at IS NULL) EXECUTE FUNCTION enter_turns();

CREATE OR REPLACE FUNCTION queue_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> 'pending' THEN
        DELETE FROM job_queue WHERE job_id = NEW.id;
        RETURN NULL;
    END IF;
    INSERT INTO job_queue (job_id, user_id, lane, created_at, ready_at)
    SELECT NEW.id, user_id, NEW.lane, NEW.created_at, CASE WHEN NEW.ring_at > now() THEN NEW.ring_at END
    FROM (SELECT user_id FROM job_users WHERE job_id = NEW.id
        UNION SELECT coalesce(NEW.user_id, '00000000-0000-0000-0000-000000000000')) AS users
    ORDER BY user_id
    ON CONFLICT (job_id, user_id) DO UPDATE SET lane = excluded.lane, ready_at = excluded.ready_at;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER jobs_queue AFTER INSERT ON jobs FOR EACH ROW
WHEN (NEW.status = 'pending') EXECUTE FUNCTION queue_job();
CREATE OR REPLACE TRIGGER jobs_queue_change AFTER UPDATE OF status, ring_at, lane ON jobs FOR EACH ROW
WHEN (OLD.status = 'pending' OR NEW.status = 'pending') EXECUTE FUNCTION queue_job();

-- The lock of the job's row: whoever takes the job meanwhile has taken it for this user too.
CREATE OR REPLACE FUNCTION queue_job_for_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO job_queue (job_id, user_id, lane, created_at, ready_at)
    SELECT id, NEW.user_id, lane, created_at, CASE WHEN ring_at > now() THEN ring_at END
    FROM jobs WHERE id = NEW.job_id AND status = 'pending' FOR SHARE
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER job_users_queue AFTER INSERT ON job_users FOR EACH ROW EXECUTE FUNCTION queue_job_for_user();
