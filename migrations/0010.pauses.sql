-- Why a job waits, and what is needed to renew the portal's token safely. Only adds columns without defaults: both
-- tables are locked for the catalogue alone, which takes milliseconds, and no row is rewritten.

ALTER TABLE jobs ADD COLUMN IF NOT EXISTS
    -- What postponed the job last, in words for its operator; null if it was handed over without a failure.
    postponed_reason text;

ALTER TABLE portal_tokens
    -- The refresh token before the newest: tried when the portal refuses that one.
    ADD COLUMN IF NOT EXISTS previous_token text,
    -- When the access token came. With expires_at it tells how early to renew one of a short life.
    ADD COLUMN IF NOT EXISTS renewed_at timestamptz,
    -- The process that renews until renewing_until, and keeps moving that on while it lives.
    ADD COLUMN IF NOT EXISTS renewing_by uuid;
