"""One document: asked for, inspected, and written to the bucket."""
