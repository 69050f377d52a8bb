"""Statements of the console: its sessions, and what only its pages show."""
