"""Views of the console's pages with a text of the test's choice in them, and visits without a server."""
