"""Logs, metrics and alerts: what a process tells of itself."""
