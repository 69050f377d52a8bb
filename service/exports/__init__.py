"""A case as one file: what goes into it, read from the bucket, written as a stream."""
