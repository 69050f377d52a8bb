-- Users, processes, documents, jobs, events and deliveries.
-- Statements are idempotent where PostgreSQL allows it: the runner marks a file only after it was applied.

CREATE TABLE users (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    role text NOT NULL CHECK (role IN ('admin', 'user')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    -- SHA-256 of the key. Keys are 256 random bits, so a slow hash would add nothing.
    hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX api_keys_user ON api_keys (user_id);

CREATE TABLE signing_secrets (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    secret text NOT NULL CHECK (secret LIKE 'whsec_%'),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Set by a rotation: until then the old secret signs beside the new one.
    expires_at timestamptz
);
CREATE UNIQUE INDEX signing_secrets_current ON signing_secrets (user_id) WHERE expires_at IS NULL;

CREATE TABLE processes (
    number text PRIMARY KEY CHECK (number ~ '^[0-9]{20}$'),
    court text,
    court_class text,
    subject text,
    filed_at timestamptz,
    secrecy_level integer,
    -- When the portal last listed the case; null while a request is kept for a portal that does not answer.
    listed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    process_number text NOT NULL REFERENCES processes,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')),
    -- The portal has to be asked for the listing before the documents are downloaded.
    refresh boolean NOT NULL,
    user_id uuid REFERENCES users ON DELETE SET NULL,
    request_id text NOT NULL,
    lease_token uuid,
    lease_expires_at timestamptz,
    -- From when on the sweep rings for a job that nobody works on, and how often it did.
    ring_at timestamptz NOT NULL DEFAULT now() + interval '10 seconds',
    rings integer NOT NULL DEFAULT 0,
    -- Failed listings in a row: the backoff grows with them.
    listing_failures integer NOT NULL DEFAULT 0,
    -- Percent that clients have seen: documents that join later must not take it back.
    progress_floor double precision NOT NULL DEFAULT 0,
    error_code text,
    error_message text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    completed_at timestamptz,
    CONSTRAINT ended_or_not CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
    CONSTRAINT lease_whole CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL)),
    CONSTRAINT processing_has_lease CHECK ((status = 'processing') = (lease_token IS NOT NULL))
);
CREATE UNIQUE INDEX jobs_one_active ON jobs (process_number) WHERE status IN ('pending', 'processing');
CREATE INDEX jobs_of_process ON jobs (process_number, created_at DESC);
CREATE INDEX jobs_to_ring ON jobs (ring_at) WHERE status IN ('pending', 'processing');
CREATE INDEX jobs_by_time ON jobs (created_at DESC, id DESC);

CREATE TABLE documents (
    id uuid PRIMARY KEY,
    process_number text NOT NULL REFERENCES processes,
    instance text NOT NULL,
    origin_id text NOT NULL,
    -- The portal's own id of the preferred copy.
    uuid text NOT NULL,
    position integer NOT NULL,
    sequence bigint,
    name text NOT NULL,
    type text NOT NULL,
    secrecy text NOT NULL,
    filed_at timestamptz,
    page_count integer,
    declared_size bigint,
    declared_mime_type text,
    copies jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'processing', 'available', 'failed')),
    job_id uuid REFERENCES jobs,
    attempts integer NOT NULL DEFAULT 0,
    error_code text,
    error_message text,
    started_at timestamptz,
    completed_at timestamptz,
    -- The verified bytes. They outlive a later attempt that fails.
    storage_key text,
    size bigint,
    sha256 text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    mime_type text,
    size_mismatch boolean NOT NULL DEFAULT false,
    -- Counts the contents that the portal had under this id; a new one gets a key of its own.
    revision integer NOT NULL DEFAULT 1,
    UNIQUE (process_number, instance, origin_id),
    CONSTRAINT stored_whole CHECK (num_nonnulls(storage_key, size, sha256, mime_type) IN (0, 4)),
    CONSTRAINT available_is_stored CHECK (status <> 'available' OR storage_key IS NOT NULL),
    CONSTRAINT failed_says_why CHECK (status <> 'failed' OR (error_code IS NOT NULL AND error_message IS NOT NULL)),
    CONSTRAINT settled_has_time CHECK (status NOT IN ('available', 'failed') OR completed_at IS NOT NULL)
);
CREATE INDEX documents_of_process ON documents (process_number, position, id);
CREATE INDEX documents_of_job ON documents (job_id, position) WHERE status IN ('pending', 'processing');

CREATE TABLE events (
    id uuid PRIMARY KEY,
    process_number text NOT NULL REFERENCES processes,
    -- Null when a request found everything there and needed no job.
    job_id uuid UNIQUE REFERENCES jobs,
    type text NOT NULL CHECK (type IN ('process.completed', 'process.failed', 'process.cancelled')),
    occurred_at timestamptz NOT NULL DEFAULT now(),
    -- What the webhook says, but for links, which are made anew for each attempt.
    body jsonb NOT NULL
);

CREATE TABLE deliveries (
    id uuid PRIMARY KEY,
    process_number text NOT NULL REFERENCES processes,
    job_id uuid REFERENCES jobs,
    event_id uuid REFERENCES events,
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    url text NOT NULL CHECK (length(url) <= 2048),
    status text NOT NULL CHECK (status IN ('waiting', 'scheduled', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    -- The subscriber answered 413: leave the documents out.
    thin boolean NOT NULL DEFAULT false,
    next_attempt_at timestamptz,
    lease_token uuid,
    lease_expires_at timestamptz,
    ring_at timestamptz,
    rings integer NOT NULL DEFAULT 0,
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    UNIQUE (job_id, user_id, url),
    CONSTRAINT has_event CHECK ((status = 'waiting') = (event_id IS NULL)),
    CONSTRAINT scheduled_has_time CHECK ((status = 'scheduled') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT scheduled_rings CHECK ((status = 'scheduled') = (ring_at IS NOT NULL)),
    CONSTRAINT lease_whole CHECK ((lease_token IS NULL) = (lease_expires_at IS NULL))
);
CREATE INDEX deliveries_of_job ON deliveries (job_id);
CREATE INDEX deliveries_of_user ON deliveries (process_number, user_id, created_at DESC);
CREATE INDEX deliveries_to_ring ON deliveries (ring_at) WHERE status = 'scheduled';

CREATE TABLE delivery_attempts (
    id uuid PRIMARY KEY,
    delivery_id uuid NOT NULL REFERENCES deliveries ON DELETE CASCADE,
    number integer NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    outcome text NOT NULL,
    status_code integer,
    answer text,
    error text,
    UNIQUE (delivery_id, number)
);

-- Legal arrows only. One function serves the three tables: each trigger names its arrows as 'from>to'.
CREATE FUNCTION refuse_illegal_arrow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND NOT (OLD.status || '>' || NEW.status = ANY (TG_ARGV)) THEN
        RAISE EXCEPTION 'illegal arrow % > % on %', OLD.status, NEW.status, TG_TABLE_NAME
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER documents_arrows BEFORE UPDATE OF status ON documents FOR EACH ROW
EXECUTE FUNCTION refuse_illegal_arrow(
    'pending>processing', 'pending>failed',
    'processing>pending', 'processing>available', 'processing>failed',
    'available>pending', 'available>processing',
    'failed>pending', 'failed>processing'
);

CREATE TRIGGER jobs_arrows BEFORE UPDATE OF status ON jobs FOR EACH ROW
EXECUTE FUNCTION refuse_illegal_arrow(
    'pending>processing', 'pending>completed', 'pending>failed', 'pending>cancelled',
    'processing>pending', 'processing>completed', 'processing>failed', 'processing>cancelled'
);

CREATE TRIGGER deliveries_arrows BEFORE UPDATE OF status ON deliveries FOR EACH ROW
EXECUTE FUNCTION refuse_illegal_arrow(
    'waiting>scheduled', 'scheduled>delivered', 'scheduled>failed', 'failed>scheduled', 'failed>delivered'
);
