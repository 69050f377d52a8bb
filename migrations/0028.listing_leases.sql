-- Which API process asks the portal for the listing of which case: of many first requests for a case one asks, and the
-- others wait for its outcome.
--
-- Locks: none. A new table, and no row is read or written. Processes of the version before do not know it, and each of
-- their requests asks the portal as before.
--
-- Unlogged: a row lives for a minute, and a crash of PostgreSQL ends every lease.
CREATE UNLOGGED TABLE IF NOT EXISTS listing_leases (
    number text PRIMARY KEY,
    holder uuid NOT NULL,
    -- The place of the listing among all of them, and when it was taken.
    asked bigint NOT NULL,
    asked_at timestamptz NOT NULL,
    -- The holder moves this on while it asks.
    expires_at timestamptz NOT NULL,
    -- What the portal said; null while it is asked.
    outcome text,
    ended_at timestamptz,
    -- Seconds, if the portal said so.
    retry_after double precision,
    CONSTRAINT end_whole CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
-- To find the rows that nobody needs any more.
CREATE INDEX IF NOT EXISTS listing_leases_expiry ON listing_leases (expires_at);
