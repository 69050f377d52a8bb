ALTER TABLE documents DROP COLUMN news;
DROP TABLE movements;
DROP TABLE parties;
DROP TABLE listing_leftovers;
DROP TABLE case_data;
