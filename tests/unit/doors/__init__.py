"""What libraries do not promise and the code uses all the same: the table of doors in `docs/architecture.md`."""
