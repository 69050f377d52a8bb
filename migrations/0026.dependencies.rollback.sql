DROP TABLE IF EXISTS dependencies;
