"""A case followed live: one watcher for all cases, a listener for each client, the stream that it reads."""
