-- transactional: false
-- Deliveries that only an endpoint wanted have no secret that the version before could sign them with: they end.
UPDATE deliveries SET status = CASE WHEN status = 'scheduled' THEN 'failed' ELSE status END,
    alerted_at = coalesce(alerted_at, now()),
    completed_at = coalesce(completed_at, now()), next_attempt_at = NULL, resend_at = NULL, ring_at = NULL,
    lease_token = NULL, lease_expires_at = NULL
WHERE endpoint_only AND (status = 'scheduled' OR resend_at IS NOT NULL);
DELETE FROM alert_targets WHERE topic NOT IN ('deliveries', 'jobs');
ALTER TABLE alert_targets DROP CONSTRAINT IF EXISTS alert_targets_topic_check,
    ADD CONSTRAINT alert_targets_topic_check CHECK (topic IN ('deliveries', 'jobs'));
DROP INDEX CONCURRENTLY IF EXISTS deliveries_of_endpoint;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_once_per_endpoint;
ALTER TABLE deliveries DROP COLUMN IF EXISTS endpoint_only, DROP COLUMN IF EXISTS endpoint_id;
DROP TABLE IF EXISTS endpoint_secrets;
DROP TABLE IF EXISTS webhook_endpoints;
