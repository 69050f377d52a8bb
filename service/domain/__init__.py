"""The domain as plain values that use no I/O library: case numbers, statuses, errors, object keys."""
