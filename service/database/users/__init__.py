"""Statements of users and their API keys."""
