-- The version before knows no monitors: they are lost.
DROP TABLE IF EXISTS check_pace;
DROP TABLE IF EXISTS monitors;
DROP TABLE IF EXISTS watches;
