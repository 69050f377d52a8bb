DROP TRIGGER documents_forget_older_file ON documents;
DROP FUNCTION forget_older_file();
ALTER TABLE documents DROP COLUMN charset, DROP COLUMN content_flags, DROP COLUMN crc32;
