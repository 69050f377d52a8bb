"""Statements for events, and for their deliveries to subscribers."""
