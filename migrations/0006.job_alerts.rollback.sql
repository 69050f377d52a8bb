DROP INDEX jobs_to_alert;
ALTER TABLE jobs DROP COLUMN alerted_at;
