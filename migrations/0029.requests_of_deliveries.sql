-- Which request set off a delivery that has no job, for the lines of the log.
--
-- Locks: `deliveries` for the instant in which the column is added to the catalogue; no row is read or written.
ALTER TABLE deliveries ADD COLUMN IF NOT EXISTS request_id text;
