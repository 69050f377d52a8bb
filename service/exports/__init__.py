"""What is streamed from the bucket: a case as one ZIP file, and the portal's own answer about it."""
