-- The case as data: parties, movements, instances, related cases, and where the portal's own answer is kept.
--
-- Locks: `documents` for an instant, to add a column without a default; no row is read or written. It waits for
-- transactions that use the table, and others that come meanwhile wait behind it. The rest are new tables, which refer
-- to `processes` and lock it against writes for an instant. Processes of the version before go on. They register
-- listings without this data, which the next listing of this version adds. Two triggers give `news` to the documents that
-- they add or change.

CREATE TABLE IF NOT EXISTS case_data (
    process_number text PRIMARY KEY REFERENCES processes,
    -- In reais.
    value double precision,
    judging_body text,
    instances jsonb NOT NULL DEFAULT '[]',
    related_processes jsonb NOT NULL DEFAULT '[]',
    parties_total integer NOT NULL DEFAULT 0,
    movements_total integer NOT NULL DEFAULT 0,
    -- The place among all listings of the one that this data is of.
    listing_asked bigint,
    -- The portal's answer in the bucket. It may be older than the data, if the bucket failed.
    listing_key text,
    listing_place bigint,
    listing_sha256 text CHECK (listing_sha256 ~ '^[0-9a-f]{64}$'),
    -- Bytes, before compression.
    listing_size bigint,
    listing_charset text,
    listing_is_redacted boolean,
    listing_taken_at timestamptz,
    CONSTRAINT listing_whole CHECK (num_nonnulls(listing_key, listing_place, listing_sha256, listing_size,
        listing_is_redacted, listing_taken_at) IN (0, 6))
) WITH (fillfactor = 80);

-- Objects with answers of the portal that no row names any more, or not yet: one is noted before it is written, so that
-- it is found however its writer ends.
CREATE TABLE IF NOT EXISTS listing_leftovers (
    key text PRIMARY KEY,
    remove_at timestamptz NOT NULL,
    -- Somebody is removing the object: nobody names it any more.
    is_doomed boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS listing_leftovers_by_time ON listing_leftovers (remove_at);

CREATE TABLE IF NOT EXISTS parties (
    process_number text NOT NULL REFERENCES processes,
    -- The order in which the portal lists them.
    position integer NOT NULL,
    pole text NOT NULL CHECK (pole IN ('active', 'passive', 'other')),
    role text,
    name text,
    kind text CHECK (kind IN ('person', 'company', 'authority')),
    is_sealed boolean NOT NULL,
    representatives jsonb NOT NULL,
    PRIMARY KEY (process_number, position),
    CONSTRAINT sealed_has_no_name CHECK (NOT is_sealed OR name IS NULL)
);

CREATE TABLE IF NOT EXISTS movements (
    id uuid PRIMARY KEY,
    process_number text NOT NULL REFERENCES processes,
    instance text NOT NULL,
    occurred_at timestamptz,
    description text NOT NULL,
    type_code bigint,
    judging_body text,
    complements jsonb NOT NULL,
    -- Counts the movements of one instance, second and description.
    ordinal integer NOT NULL,
    -- Orders the movements of one instance and second.
    place integer NOT NULL,
    -- False: the portal does not list it any more. The row stays, so that it is not news if it comes back.
    is_listed boolean NOT NULL DEFAULT true,
    -- The place of the listing that listed it first.
    first_listed bigint NOT NULL
);
-- Newest first; those without a time are last.
CREATE INDEX IF NOT EXISTS movements_of_process ON movements
    (process_number, coalesce(occurred_at, '-infinity') DESC, place DESC, id DESC) WHERE is_listed;
CREATE INDEX IF NOT EXISTS movements_by_listing ON movements (process_number, first_listed);

-- The place of the listing that listed the document first, or gave it new content. NULL: before this version.
ALTER TABLE documents ADD COLUMN IF NOT EXISTS news bigint;

-- Processes of the version before go on for a while and do not write it: what they find must be told to watchers too.
-- They write the place of their listing to the process first. Processes of this version never meet the conditions.
CREATE OR REPLACE FUNCTION note_news() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.news := (SELECT listing_asked FROM processes WHERE number = NEW.process_number);
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER documents_news_of_new BEFORE INSERT ON documents FOR EACH ROW
WHEN (NEW.news IS NULL) EXECUTE FUNCTION note_news();
CREATE OR REPLACE TRIGGER documents_news_of_changed BEFORE UPDATE OF revision ON documents FOR EACH ROW
WHEN (NEW.revision > OLD.revision AND NEW.news IS NOT DISTINCT FROM OLD.news) EXECUTE FUNCTION note_news();
