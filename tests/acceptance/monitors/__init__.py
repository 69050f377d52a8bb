"""Cases that are watched, seen from outside."""
