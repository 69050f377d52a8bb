"""Checks whether PostgreSQL, Redis, the bucket and the portal work, and notes it for all processes."""
