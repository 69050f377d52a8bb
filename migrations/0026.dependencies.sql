-- When the portal and the bucket last worked, and why they did not since: what people and probes are told.
--
-- A new table of two rows: no other one is locked, read or written. Processes of the version before do not know it.

CREATE TABLE IF NOT EXISTS dependencies (
    name text PRIMARY KEY,
    succeeded_at timestamptz,
    failed_at timestamptz,
    -- The first failure since the last success; null after a success.
    failing_since timestamptz,
    -- Of the last failure, in words for operators.
    reason text
) WITH (fillfactor = 50);
INSERT INTO dependencies (name) VALUES ('portal'), ('bucket') ON CONFLICT DO NOTHING;
