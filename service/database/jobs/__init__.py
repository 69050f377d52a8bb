"""Statements of jobs: claimed, renewed, ended, listed, deleted."""
