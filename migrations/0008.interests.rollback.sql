ALTER TABLE events DROP COLUMN fingerprint;
UPDATE events SET type = 'process.completed' WHERE type = 'process.updated';
ALTER TABLE events DROP CONSTRAINT events_type_check;
ALTER TABLE events ADD CONSTRAINT events_type_check
    CHECK (type IN ('process.completed', 'process.failed', 'process.cancelled'));
ALTER TABLE job_users DROP COLUMN withdrawn_at;
ALTER TABLE jobs DROP COLUMN refresh_after;
ALTER TABLE processes DROP COLUMN listing_asked;
DROP SEQUENCE listings_asked;
ALTER TABLE documents DROP COLUMN is_current;
