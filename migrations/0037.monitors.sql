-- Cases that are watched: one row per case for its checks, and one per user and case for what that user was told.
--
-- Locks: `processes` and `users` for an instant, while the tables that refer to them are made. No row is read or
-- written. Processes of the version before know none of these tables: they register listings and end jobs as ever, and
-- what those bring is told by the next check of this version.

-- A watched case: leased by the worker that checks it. It ends with its last monitor.
CREATE TABLE IF NOT EXISTS watches (
    id uuid PRIMARY KEY,
    process_number text NOT NULL UNIQUE REFERENCES processes,
    -- The shortest of its monitors.
    every interval NOT NULL CHECK (every > interval '0'),
    next_check_at timestamptz NOT NULL,
    -- From when on it is checked outside of the schedule: it has a monitor that was never checked, or a user asked.
    check_requested_at timestamptz,
    last_checked_at timestamptz,
    -- Checks that failed since the last one that succeeded, and since when.
    consecutive_failures integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    last_error_code text,
    -- When the failures had lasted for so long that operators are told.
    failing_at timestamptz,
    lease_token uuid,
    lease_expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT lease_whole CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL)),
    CONSTRAINT failure_whole CHECK ((consecutive_failures > 0) = (failing_since IS NOT NULL)),
    CONSTRAINT failing_fails CHECK (failing_at IS NULL OR failing_since IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS watches_due ON watches (next_check_at);
CREATE INDEX IF NOT EXISTS watches_requested ON watches (check_requested_at) WHERE check_requested_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS watches_leased ON watches (lease_expires_at) WHERE lease_token IS NOT NULL;
CREATE INDEX IF NOT EXISTS watches_failing ON watches (failing_at, id) WHERE failing_at IS NOT NULL;

CREATE TABLE IF NOT EXISTS monitors (
    id uuid PRIMARY KEY,
    process_number text NOT NULL REFERENCES processes,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    every interval NOT NULL CHECK (every > interval '0'),
    webhook_url text CHECK (length(webhook_url) <= 2048),
    description text,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- The number of the listing up to which this user was told what changed. Null: no check has succeeded yet.
    told bigint,
    -- The secrecy level that this user was told last.
    secrecy_level integer,
    last_changed_at timestamptz,
    -- A copy of what its watch says, for lists.
    is_failing boolean NOT NULL DEFAULT false,
    UNIQUE (process_number, user_id)
);
CREATE INDEX IF NOT EXISTS monitors_of_user ON monitors (user_id, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS monitors_of_user_by_status ON monitors (user_id, is_failing, created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS monitors_of_user_by_change ON monitors (user_id, last_changed_at, id)
    WHERE last_changed_at IS NOT NULL;

-- One row: when the next scheduled check may begin. It keeps the checks of all workers at a steady rate, also after
-- hours in which none could be made.
CREATE TABLE IF NOT EXISTS check_pace (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    next_at timestamptz NOT NULL DEFAULT '-infinity',
    -- Checks per second that all watches need on average, and when they were counted.
    rate double precision NOT NULL DEFAULT 0,
    rate_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
INSERT INTO check_pace DEFAULT VALUES ON CONFLICT DO NOTHING;
