-- Lists of the cases that jobs work on, and of a court's cases in one status, in the order of an index.
--
-- Locks `jobs` for some milliseconds while a column without a value is added, which waits for transactions that use the
-- table; who comes meanwhile waits behind it. The open jobs get their value in batches of 1,000 rows, each for itself:
-- a job whose row is written is claimed, renewed or ended some milliseconds later. The indexes are built CONCURRENTLY:
-- reads and writes go on; `processes` is read twice, about ten seconds for a million cases. Until it ends, the version
-- before goes on as ever. Cut off at any moment, it can be run again.
-- transactional: false

-- When the case of the job came: the lists of cases are in that order, and so the job says where its case stands.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS process_created_at timestamptz;

-- Also for the jobs that the version before makes.
CREATE OR REPLACE FUNCTION place_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.process_created_at := (SELECT created_at FROM processes WHERE number = NEW.process_number);
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER jobs_place BEFORE INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION place_job();

DO $$
DECLARE
    written integer;
BEGIN
    LOOP
        UPDATE jobs SET process_created_at = processes.created_at FROM processes
        WHERE processes.number = jobs.process_number AND jobs.id IN (
            SELECT id FROM jobs WHERE status IN ('pending', 'processing') AND process_created_at IS NULL
            LIMIT 1000 FOR UPDATE);
        GET DIAGNOSTICS written = ROW_COUNT;
        COMMIT;
        EXIT WHEN written = 0;
    END LOOP;
END
$$;

DROP INDEX CONCURRENTLY IF EXISTS jobs_active;
CREATE INDEX CONCURRENTLY jobs_active ON jobs (status, process_created_at DESC, process_number DESC)
WHERE status IN ('pending', 'processing');
DROP INDEX CONCURRENTLY IF EXISTS processes_by_court_and_state;
CREATE INDEX CONCURRENTLY processes_by_court_and_state ON processes (court, state, created_at DESC, number DESC);
