"""Endpoints of accounts: which events they get, who signs, and when they are switched off."""
