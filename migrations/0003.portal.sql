-- What the workers agree on about the portal: how many requests each may have open, and when nobody may ask.

CREATE TABLE portal_shares (
    worker_id uuid PRIMARY KEY,
    granted integer NOT NULL CHECK (granted >= 0),
    seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE portal_state (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    -- The portal asked everybody to wait until then.
    resume_at timestamptz NOT NULL DEFAULT '-infinity',
    -- SHA-256 of the token that the portal refused last; a token with another one has not been refused.
    refused_token text,
    refused_at timestamptz
);
INSERT INTO portal_state DEFAULT VALUES;

-- Tokens that the service renewed itself. A rotated refresh token exists nowhere else.
CREATE TABLE portal_tokens (
    -- SHA-256 of the refresh token that was configured: another one starts a new line of tokens.
    origin text PRIMARY KEY,
    refresh_token text NOT NULL,
    access_token text,
    expires_at timestamptz,
    renewing_until timestamptz
);
REVOKE ALL ON portal_tokens FROM PUBLIC;
