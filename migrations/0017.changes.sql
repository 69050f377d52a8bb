-- Let a list by time of change miss no change, although transactions commit in another order than their times.
--
-- Locks: `processes` for the few milliseconds in which a default is changed; no row is read or written. It waits for
-- transactions that use the table, and who comes meanwhile waits behind it. Processes of the version before still
-- write `now()`, which a list may miss as before, until they are stopped.

-- The time to write into a column of changes. Its transaction is announced first, in a shared advisory lock that ends
-- with it: the key is the start of the transaction, in milliseconds, modulo 2^32. `pg_locks` shows such a lock to every
-- role, while `pg_stat_activity` hides the transactions of others.
CREATE OR REPLACE FUNCTION change_time() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(
        1700,
        CAST(mod(CAST(floor(extract(epoch FROM now()) * 1000) AS bigint), 4294967296) - 2147483648 AS integer)
    );
    RETURN clock_timestamp();
END
$$;

-- The time before which every change is committed or rolled back. Read it in a statement of its own before the rows.
-- The clock is read first: a transaction that is announced after that writes a later time.
CREATE OR REPLACE FUNCTION change_horizon() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    asked timestamptz := clock_timestamp();
    asked_ms bigint := floor(extract(epoch FROM asked) * 1000);
    age_ms bigint;
BEGIN
    -- The key is 2^31 less than the milliseconds, so that this is in the range of 2^31 before and after `asked`.
    SELECT max(mod(asked_ms - CAST(objid AS bigint), 4294967296) - 2147483648) INTO age_ms FROM pg_locks
    WHERE locktype = 'advisory' AND classid = 1700 AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    RETURN least(asked, date_trunc('milliseconds', asked) - age_ms * interval '1 millisecond');
END
$$;

ALTER TABLE processes ALTER COLUMN updated_at SET DEFAULT change_time();
