"""Live progress of cases: one watcher for all cases, one listener for each client, and the event stream."""
