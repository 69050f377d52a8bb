"""The bucket: write a stream, sign a link, read a stream, and the errors of object stores."""
