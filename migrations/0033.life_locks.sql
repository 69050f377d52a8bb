-- The slots of a killed worker are free within two seconds, not when their leases end.
--
-- Locks: `portal_shares`, which has a row per worker, for the instant in which the column is added to the catalogue. No
-- row is read or written. Workers of the version before go on, and their slots are leased as before.

-- The key of the advisory lock that the worker held when it reported last: a session of its own holds it for as long as
-- the worker lives. Null for a worker without one, and for workers of the version before.
ALTER TABLE portal_shares ADD COLUMN IF NOT EXISTS life_lock bigint;
