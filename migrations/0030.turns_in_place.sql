-- Claims of jobs that read few pages however many were made since the last vacuum.
--
-- Locks `turns` for some milliseconds while its index of the order is removed, which waits for the transactions that
-- use the table; who comes meanwhile waits behind it. No row is read or written. The version before goes on, and its
-- claims sort the users.

-- Each claim moves a user in the order: with an index of it, each claim left an entry behind that the next ones read,
-- and a row in another page. Without it the row is written in its own page, and a few pages hold all users.
DROP INDEX IF EXISTS turns_in_order;

CREATE OR REPLACE FUNCTION enter_turns() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present double precision;
BEGIN
    -- User after user in their order, up to the first with a job: the subquery is sorted before any job is read.
    SELECT virtual_time INTO present
        FROM (SELECT user_id, virtual_time FROM turns WHERE virtual_time < 'infinity' ORDER BY virtual_time) AS ordered
        CROSS JOIN LATERAL (
            SELECT 1 FROM job_queue WHERE job_queue.user_id = ordered.user_id AND ready_at IS NULL
            ORDER BY lane, created_at, job_id LIMIT 1) AS waiting
        LIMIT 1;
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
