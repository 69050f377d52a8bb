ALTER TABLE processes ALTER COLUMN updated_at SET DEFAULT now();
DROP FUNCTION change_horizon();
DROP FUNCTION change_time();
