"""Statements of events, and of the deliveries that take them to subscribers."""
