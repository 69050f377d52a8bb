DROP TABLE job_users;
DROP INDEX jobs_by_status;
ALTER TABLE jobs DROP COLUMN failed_documents, DROP COLUMN completed_documents, DROP COLUMN total_documents;
DROP INDEX processes_by_time, processes_by_change, processes_by_court, processes_by_state, processes_by_content;
ALTER TABLE processes DROP COLUMN total_documents, DROP COLUMN state;
