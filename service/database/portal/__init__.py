"""Statements for what all processes share about the portal: tokens, slots, listing leases, pauses."""
