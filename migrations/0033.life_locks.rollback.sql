ALTER TABLE portal_shares DROP COLUMN IF EXISTS life_lock;
