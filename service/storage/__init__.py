"""The bucket: put a stream, sign a link, read a stream, and what stores answer."""
