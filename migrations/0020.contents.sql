-- What a stored file is beside what the portal lists, its charset, and the CRC-32 that archives need.
--
-- Locks: `documents` for the few milliseconds in which columns and a trigger are added; no row is read or written. It
-- waits for transactions that use the table, and who comes meanwhile waits behind it. Files of before have no CRC-32
-- until an archive reads them, no charset, and of the flags only `size_mismatch`, which is read from its own column.

ALTER TABLE documents
    -- Of the stored bytes. No constraint: it would have every row read under the lock.
    ADD COLUMN IF NOT EXISTS crc32 bigint,
    -- How the stored bytes differ from what is listed.
    ADD COLUMN IF NOT EXISTS content_flags text[] NOT NULL DEFAULT '{}',
    -- What the portal said of the stored bytes, for kinds that are text.
    ADD COLUMN IF NOT EXISTS charset text;

-- Processes of the version before store files without these columns: what is known of the older file must not stand
-- beside the new one.
CREATE OR REPLACE FUNCTION forget_older_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.crc32 := NULL;
    NEW.content_flags := '{}';
    NEW.charset := NULL;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER documents_forget_older_file BEFORE UPDATE OF sha256 ON documents FOR EACH ROW
WHEN (OLD.crc32 IS NOT NULL AND NEW.sha256 IS DISTINCT FROM OLD.sha256 AND NEW.crc32 IS NOT DISTINCT FROM OLD.crc32)
EXECUTE FUNCTION forget_older_file();
