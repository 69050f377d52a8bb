-- What a request asks for and what a job does: contents, listings and interests can be told apart.
--
-- Locks `documents`, `events`, `jobs`, `job_users` and `processes` against everything, each for a moment: only
-- columns that need no rewriting are added, and a constraint is replaced without a look at the rows.

-- False: the portal lists another content than that of the stored file, which is kept until the new one is verified.
-- 0009 sets it for the rows that are here already.
ALTER TABLE documents ADD COLUMN IF NOT EXISTS is_current boolean NOT NULL DEFAULT true;

-- Listings in the order in which the portal was asked for them. An answer that was asked for earlier is older news.
CREATE SEQUENCE IF NOT EXISTS listings_asked;
ALTER TABLE processes ADD COLUMN IF NOT EXISTS listing_asked bigint;
-- The listing that a job waits for was asked for later than this one; null: any will do.
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS refresh_after bigint;

-- When a user stopped a job that others wait for too. The user still sees it.
ALTER TABLE job_users ADD COLUMN IF NOT EXISTS withdrawn_at timestamptz;

-- `process.updated`: a job brought what it was made for, and documents are left that nobody has asked for.
ALTER TABLE events DROP CONSTRAINT IF EXISTS events_type_check;
ALTER TABLE events ADD CONSTRAINT events_type_check
    CHECK (type IN ('process.completed', 'process.failed', 'process.cancelled', 'process.updated')) NOT VALID;
-- SHA-256 of what an event without a job says, so that the same state of a case is written once.
ALTER TABLE events ADD COLUMN IF NOT EXISTS fingerprint bytea;
