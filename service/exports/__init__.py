"""A case as one ZIP file: its contents, read from the bucket and written as a stream."""
