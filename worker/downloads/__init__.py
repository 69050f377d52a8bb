"""Download one document: request it, inspect it, write it to the bucket."""
