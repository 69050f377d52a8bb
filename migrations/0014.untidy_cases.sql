-- Cases below whose keys the bucket may have objects that no row names.
--
-- A new table: no other one is locked, read or written. Processes of the version before do not know it.

CREATE TABLE IF NOT EXISTS untidy_cases (
    -- No foreign key: objects outlive the rows of a case that was deleted.
    process_number text PRIMARY KEY,
    -- When the bucket is looked at next.
    tidy_at timestamptz NOT NULL,
    -- How often a worker began to write: one that began while the bucket was looked at is not forgotten.
    marks bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS untidy_cases_by_time ON untidy_cases (tidy_at);
