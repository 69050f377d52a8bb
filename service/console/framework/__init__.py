"""From a request to a page: sessions, forms and where they come from, declarations, rendering, errors."""
