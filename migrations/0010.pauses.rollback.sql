ALTER TABLE portal_tokens
    DROP COLUMN IF EXISTS previous_token,
    DROP COLUMN IF EXISTS renewed_at,
    DROP COLUMN IF EXISTS renewing_by;
ALTER TABLE jobs DROP COLUMN IF EXISTS postponed_reason;
