-- The rows of the version before, for 0008.
--
-- Reads `documents` and `events` once, about a second for each million rows. Only the few rows of `documents` that are
-- written are locked, until the end.

UPDATE documents SET is_current = false
WHERE storage_key IS NOT NULL AND (status <> 'available' OR error_code IS NOT NULL) AND is_current;

ALTER TABLE events VALIDATE CONSTRAINT events_type_check;
