"""Statements for cases and their documents, and the transactions that begin by locking a case."""
