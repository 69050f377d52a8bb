"""Statements of cases and their documents, and the transactions that begin with a case."""
