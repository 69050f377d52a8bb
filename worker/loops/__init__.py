"""What a worker does at intervals, whatever is in the queue."""
