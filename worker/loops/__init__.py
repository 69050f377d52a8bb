"""The loops that a worker runs at intervals, whatever is in the queue."""
