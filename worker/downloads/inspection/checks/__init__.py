"""The checks of a download, one in each file: a subclass of `Check`."""
