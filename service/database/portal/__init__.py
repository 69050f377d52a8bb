"""Statements of what all processes share of the portal: its token, its slots, its listings."""
