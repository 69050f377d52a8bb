-- Operators are told of a job most of whose documents failed.

ALTER TABLE jobs ADD COLUMN alerted_at timestamptz;
CREATE INDEX jobs_to_alert ON jobs (completed_at) WHERE failed_documents * 2 > total_documents AND alerted_at IS NULL;
