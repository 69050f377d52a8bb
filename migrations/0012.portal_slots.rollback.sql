ALTER TABLE portal_shares DROP COLUMN IF EXISTS users;
ALTER TABLE portal_shares DROP COLUMN IF EXISTS wanted;
ALTER TABLE portal_shares DROP COLUMN IF EXISTS in_use;
DROP TABLE IF EXISTS portal_slots;
