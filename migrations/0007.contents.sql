-- PostgreSQL makes `total_documents <= 0` of `(total_documents > 0) = false`, and finds no index for that.

DROP INDEX processes_by_content;
CREATE INDEX processes_with_documents ON processes (created_at DESC, number DESC) WHERE total_documents > 0;
CREATE INDEX processes_without_documents ON processes (created_at DESC, number DESC) WHERE total_documents = 0;
