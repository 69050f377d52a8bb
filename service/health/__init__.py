"""Whether PostgreSQL, Redis, the bucket and the portal work, and who is told."""
