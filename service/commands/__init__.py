"""What `autos` does: one file for each noun."""
