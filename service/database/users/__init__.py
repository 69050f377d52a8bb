"""Statements for users and their API keys."""
