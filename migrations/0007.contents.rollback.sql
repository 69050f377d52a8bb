DROP INDEX processes_with_documents, processes_without_documents;
CREATE INDEX processes_by_content ON processes ((total_documents > 0), created_at DESC, number DESC);
