ALTER TABLE deliveries DROP COLUMN IF EXISTS request_id;
