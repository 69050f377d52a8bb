"""Keeps the servers of the local stack running, and ends them with the process that started the stack."""
