"""Statements of watched cases: monitors, the order of their checks, and what their users are told."""
