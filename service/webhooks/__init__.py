"""Webhooks: payload, signature, HTTP client, and what the subscriber's response means for the delivery."""
