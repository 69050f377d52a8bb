DROP TRIGGER IF EXISTS documents_news_of_changed ON documents;
DROP TRIGGER IF EXISTS documents_news_of_new ON documents;
DROP FUNCTION IF EXISTS note_news();
ALTER TABLE documents DROP COLUMN news;
DROP TABLE movements;
DROP TABLE parties;
DROP TABLE listing_leftovers;
DROP TABLE case_data;
