"""Which addresses webhooks may be sent to: the protection against requests into a private network."""
