DROP INDEX jobs_not_alerted;
ALTER TABLE jobs DROP COLUMN alerted_at;
