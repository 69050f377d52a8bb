CREATE INDEX IF NOT EXISTS turns_in_order ON turns (virtual_time, served_at, user_id);
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
