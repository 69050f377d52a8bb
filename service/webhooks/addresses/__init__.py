"""Which addresses may be called: the guard against requests into a private network."""
