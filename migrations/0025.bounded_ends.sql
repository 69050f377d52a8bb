-- What is removed or ended in batches: how far each walk came.
--
-- New tables: no other one is locked, read or written. Processes of the version before do not know them.

-- Users who were deleted, whose deliveries end from the oldest to the newest. Gone when the walk is done.
CREATE TABLE IF NOT EXISTS deleted_user_deliveries (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    -- The delivery behind which the walk goes on.
    passed_at timestamptz NOT NULL,
    passed_id uuid NOT NULL
) WITH (fillfactor = 50);

-- The walk of retention over ended jobs: most of them stay, and each run looks at some. One row.
CREATE TABLE IF NOT EXISTS job_retention (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    passed_at timestamptz NOT NULL DEFAULT '0001-01-01 00:00:00+00',
    passed_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
) WITH (fillfactor = 50);
INSERT INTO job_retention DEFAULT VALUES ON CONFLICT DO NOTHING;
