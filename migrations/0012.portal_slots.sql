-- One row for each request that all workers together may have open at the portal. A worker leases rows and keeps
-- renewing them: no lock is held meanwhile, and the rows of a worker that dies are free when their leases end.
-- Locks portal_shares, which has a row per worker, for an instant.

CREATE TABLE IF NOT EXISTS portal_slots (
    number integer PRIMARY KEY CHECK (number > 0),
    worker_id uuid,
    expires_at timestamptz,
    CONSTRAINT lease_whole CHECK ((worker_id IS NULL) = (expires_at IS NULL))
) WITH (fillfactor = 50);

-- What each worker needs, so that all of them can work out the same division: for the n-th user of `users` the
-- requests that are open or wait (`wanted`), and those that are open (`in_use`). Null for workers of the version
-- before, which take `granted` requests out of the total.
ALTER TABLE portal_shares ADD COLUMN IF NOT EXISTS users uuid[];
ALTER TABLE portal_shares ADD COLUMN IF NOT EXISTS wanted integer[];
ALTER TABLE portal_shares ADD COLUMN IF NOT EXISTS in_use integer[];
