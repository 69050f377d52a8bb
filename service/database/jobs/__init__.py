"""Statements for jobs: claim, renew, end, list, delete."""
